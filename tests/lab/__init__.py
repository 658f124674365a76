"""A laboratory: real systemd hosts on this machine, the real playbooks, load, faults, figures.

`image` builds what a bare host holds, `network` and `hosts` make hosts of it, `topology` says
which there are, `secrets` and `controller` are the operator's desk, `load` visits the product and
`accounting` judges what it saw, `faults` and `inputs` are what goes wrong, `report` writes it down.
Needs root; `./run test --lab` runs it.
"""
