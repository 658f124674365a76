"""The bill of materials: CycloneDX 1.6 in JSON, from the metadata in the wheels themselves."""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from tests.release.errors import ReleaseError
from tests.release.source import Source
from tests.release.wheels import sha256

# Some packages put the whole text into the field of the name.
LONGEST_NAME = 80


def bill_of_materials(source: Source, ours: Path, wheels: Sequence[Path]) -> str:
    """Return the document: our wheel on top, made of all others.

    Parameters
    ----------
    source : Source
        Gives the time and a serial number of its own to each commit and version.
    ours : Path
        Our wheel.
    wheels : sequence of Path
        The others, from each of which come name, version, licence and hash.
    """
    bom = Bom()
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"hindcast/{source.version}/{source.commit}")
    bom.metadata.timestamp = datetime.fromtimestamp(source.commit_s, UTC)
    top = _component(ours, ComponentType.APPLICATION)
    bom.metadata.component = top
    parts = [_component(wheel, ComponentType.LIBRARY) for wheel in wheels]
    for part in parts:
        bom.components.add(part)
    bom.register_dependency(top, parts)
    text: str = JsonV1Dot6(bom).output_as_string(indent=1)
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        raise ReleaseError(f"The bill of materials is not valid CycloneDX 1.6: {fault.data}")
    return text + "\n"


def _component(wheel: Path, kind: ComponentType) -> Component:
    metadata = read_metadata(wheel)
    name, version = metadata["Name"], metadata["Version"]
    purl = PackageURL("pypi", name=name, version=version)
    return Component(
        type=kind,
        name=name,
        version=version,
        purl=purl,
        bom_ref=str(purl),
        description=metadata["Summary"],
        licenses=_licences(metadata),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256(wheel))],
    )


def read_metadata(wheel: Path) -> Message:
    """Return the metadata in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return BytesParser().parsebytes(archive.read(name))


def _licences(metadata: Message) -> list[License]:
    """Return what the package says: an expression, else a name, else its classifiers."""
    said = metadata["License-Expression"] or metadata["License"] or ""
    factory = LicenseFactory()
    if said and len(said) <= LONGEST_NAME and "\n" not in said:
        return [factory.make_from_string(said)]
    classifiers = metadata.get_all("Classifier") or []
    names = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: ")]
    return [factory.make_from_string(name) for name in names if name != "OSI Approved"]
