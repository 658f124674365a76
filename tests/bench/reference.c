/* Plain C loops that the engine is measured against, built with gcc -O3 -march=native.
 *
 * One loop a function, over indicator rows that are computed before, with its divisions left in:
 * what a careful programmer writes first in a compiled language.
 */

#include <math.h>
#include <stddef.h>

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

/* Sweeps: one plain loop a combination over averages that all combinations share. */

enum { FINAL_EQUITY, MAX_DRAWDOWN, SHARPE, TRADES, N_RESULTS };

typedef struct {
    double previous, sum, squares;
    long n;
} returns;

/* The return since the last period's end; the first period's end counts as the cash. */
static inline void add_return(returns *found, double equity) {
    if (found->n++ > 0) {
        double r = equity / found->previous - 1.0;
        found->sum += r;
        found->squares += r * r;
        found->previous = equity;
    }
}

static inline void write_results(double *out, double equity, double worst, const returns *found,
                                 double periods_per_year, long trades) {
    double n = (double)(found->n - 1);
    double mean = found->sum / n;
    double variance = (found->squares - n * mean * mean) / (n - 1.0);
    out[FINAL_EQUITY] = equity;
    out[MAX_DRAWDOWN] = worst;
    out[SHARPE] = mean / sqrt(variance) * sqrt(periods_per_year);
    out[TRADES] = (double)trades;
}

/* One combination of the SMA cross: long only, all in, next open, lot 0. `is_last` says at which
 * bars a day ends; NULL where every bar is one. */
static inline void sweep_one(long n, const double *open, const double *close, const double *fast,
                             const double *slow, const unsigned char *is_last, double cash,
                             double slippage, double fee, double periods_per_year, double *out) {
    returns found = {cash, 0.0, 0.0, 0};
    double equity = cash, quantity = 0.0, peak = cash, worst = 0.0;
    long trades = 0;
    int want_buy = 0, want_sell = 0;
    for (long i = 0; i < n; i++) {
        if (want_sell) {
            cash += quantity * open[i] * (1.0 - slippage) * (1.0 - fee);
            quantity = 0.0;
            trades++;
            want_sell = 0;
        }
        if (want_buy) {
            quantity = cash / (open[i] * (1.0 + slippage) * (1.0 + fee));
            cash = 0.0;
            want_buy = 0;
        }
        equity = cash + quantity * close[i];
        if (equity > peak) peak = equity;
        double drawdown = equity / peak - 1.0;
        if (drawdown < worst) worst = drawdown;
        if (is_last == NULL || is_last[i]) add_return(&found, equity);
        if (i > 0) {
            if (quantity == 0.0 && fast[i - 1] <= slow[i - 1] && fast[i] > slow[i]) want_buy = 1;
            if (quantity > 0.0 && fast[i - 1] >= slow[i - 1] && fast[i] < slow[i]) want_sell = 1;
        }
    }
    write_results(out, equity, worst, &found, periods_per_year, trades);
}

/* Every combination of the SMA cross.
 *
 * rows: averages, n values each; i_fast, i_slow: which two of them a combination compares
 * results: N_RESULTS values a combination
 */
void sweep(long n, const double *open, const double *close, const double *rows, long n_points,
           const long *i_fast, const long *i_slow, const unsigned char *is_last, double cash,
           double slippage, double fee, double periods_per_year, double *results) {
    for (long k = 0; k < n_points; k++) {
        const double *fast = rows + i_fast[k] * n, *slow = rows + i_slow[k] * n;
        double *out = results + N_RESULTS * k;
        if (is_last == NULL)
            sweep_one(n, open, close, fast, slow, NULL, cash, slippage, fee, periods_per_year, out);
        else
            sweep_one(n, open, close, fast, slow, is_last, cash, slippage, fee, periods_per_year,
                      out);
    }
}

/* The same with a stop and a target, fractions of the entry price: at the open when the bar opens
 * beyond one, else the stop when the bar touches both (F3, F4). Every bar is a period. */
void sweep_with_exits(long n, const double *open, const double *high, const double *low,
                      const double *close, const double *rows, long n_points, const long *i_fast,
                      const long *i_slow, const double *stops, const double *targets,
                      double initial_cash, double slippage, double fee, double periods_per_year,
                      double *results) {
    for (long k = 0; k < n_points; k++) {
        const double *fast = rows + i_fast[k] * n, *slow = rows + i_slow[k] * n;
        double cash = initial_cash, equity = cash, quantity = 0.0, peak = cash, worst = 0.0;
        double stop = 0.0, target = 0.0;
        returns found = {cash, 0.0, 0.0, 0};
        long trades = 0;
        int want_buy = 0, want_sell = 0;
        for (long i = 0; i < n; i++) {
            double sold_at = 0.0;
            if (quantity > 0.0) {
                double at_open = open[i] * (1.0 - slippage);
                if (open[i] <= stop)
                    sold_at = at_open;
                else if (open[i] >= target)
                    sold_at = at_open > target ? at_open : target;
                else if (want_sell)
                    sold_at = at_open;
            }
            if (want_buy) {
                double price = open[i] * (1.0 + slippage);
                quantity = cash / (price * (1.0 + fee));
                cash = 0.0;
                stop = price * (1.0 - stops[k]);
                target = price * (1.0 + targets[k]);
            }
            want_buy = want_sell = 0;
            if (quantity > 0.0 && sold_at == 0.0) {
                if (low[i] <= stop)
                    sold_at = stop * (1.0 - slippage);
                else if (high[i] >= target)
                    sold_at = target;
            }
            if (sold_at > 0.0) {
                cash += quantity * sold_at * (1.0 - fee);
                quantity = 0.0;
                trades++;
            }
            equity = cash + quantity * close[i];
            if (equity > peak) peak = equity;
            double drawdown = equity / peak - 1.0;
            if (drawdown < worst) worst = drawdown;
            add_return(&found, equity);
            if (i > 0) {
                int is_flat = quantity == 0.0;
                if (is_flat && fast[i - 1] <= slow[i - 1] && fast[i] > slow[i]) want_buy = 1;
                if (!is_flat && fast[i - 1] >= slow[i - 1] && fast[i] < slow[i]) want_sell = 1;
            }
        }
        write_results(results + N_RESULTS * k, equity, worst, &found, periods_per_year, trades);
    }
}
