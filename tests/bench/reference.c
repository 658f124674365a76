/* Plain C loops that the engine is measured against, built with gcc -O3 -march=native.
 *
 * One loop a function, over indicator rows that are computed before, with its divisions left in:
 * what a careful programmer writes first in a compiled language.
 */

/* SMA cross, long only, all in, next open, lot 0: the same fills and costs as the event engine.
 *
 * open, close, fast, slow: n prices and averages (NaN before the first valid index)
 * slippage, fee: fractions of the price and of the value traded
 * equity: n values written, at each close
 * fill_bar, fill_quantity, fill_price: one row a fill; the number of fills is returned
 */
long sma_cross(long n, const double *open, const double *close, const double *fast,
               const double *slow, double cash, double slippage, double fee, double *equity,
               long *fill_bar, double *fill_quantity, double *fill_price) {
    double quantity = 0.0;
    long fills = 0;
    int want_buy = 0, want_sell = 0;
    for (long i = 0; i < n; i++) {
        if (want_sell) {
            double price = open[i] * (1.0 - slippage);
            cash += quantity * price * (1.0 - fee);
            fill_bar[fills] = i;
            fill_quantity[fills] = -quantity;
            fill_price[fills++] = price;
            quantity = 0.0;
            want_sell = 0;
        }
        if (want_buy) {
            double price = open[i] * (1.0 + slippage);
            quantity = cash / (price * (1.0 + fee));
            fill_bar[fills] = i;
            fill_quantity[fills] = quantity;
            fill_price[fills++] = price;
            cash = 0.0;
            want_buy = 0;
        }
        equity[i] = cash + quantity * close[i];
        if (i > 0) {
            if (quantity == 0.0 && fast[i - 1] <= slow[i - 1] && fast[i] > slow[i]) want_buy = 1;
            if (quantity > 0.0 && fast[i - 1] >= slow[i - 1] && fast[i] < slow[i]) want_sell = 1;
        }
    }
    return fills;
}

/* A simple moving average by a running sum, NaN before the first whole window. */
void sma(long n, const double *x, long window, double *out) {
    double sum = 0.0;
    for (long i = 0; i < n; i++) {
        sum += x[i];
        if (i >= window) sum -= x[i - window];
        out[i] = i >= window - 1 ? sum / (double)window : __builtin_nan("");
    }
}
