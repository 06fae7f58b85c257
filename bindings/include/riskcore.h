/* riskcore: the safety net of an automated trading system
 *
 * Every order passes through `rc_check` before it leaves. The library keeps one account in one
 * block of memory that you allocate: limits, books, positions, working orders, balances, risk. From
 * it, it answers in well under a microsecond whether an order may go, how much of it, and if not,
 * why not. What happens at the venues you report (`rc_on_fill`, `rc_on_ack`, ...), and the limits
 * adapt by themselves.
 *
 * The library is plain machine code without any undefined symbol: no allocation, no exception, no
 * clock, no system call, no thread, no global variable, no Python. The same events give the same
 * bytes in the buffer, on any x86-64 processor and in the Python package of the same name, so what
 * you back-test is what you ship.
 *
 * How to get it: `pip install riskcore`, then
 *
 *     cc engine.c $(pkg-config --cflags --libs riskcore)      with PKG_CONFIG_PATH from
 *                                                             "riskcore paths --pkgconfig"
 *     find_package(riskcore) and riskcore::riskcore           with CMAKE_PREFIX_PATH from
 *                                                             "riskcore paths --prefix"
 *     riskcore emit --instruments 256 --cpu v4 --out DIR      the same for another shape, then with
 *                                                             $(realpath DIR)/lib/pkgconfig
 *
 * This header and the library belong together: both are made for one shape, the sizes below. With
 * the library of another shape a program does not link (undefined reference to rc_layout_ and a
 * hash).
 *
 * A complete program. It takes over an account that was configured from YAML files, with
 *
 *     python3 -c "import riskcore; open('account.bin', 'wb').write(
 *         riskcore.AdaptiveRiskManager.from_config('growth', time_ns=1700000000000000000)
 *         .core.state_bytes())"
 *
 * (in the shape of this header: with shape=riskcore.Shape(instruments=256) beside 'growth' for one
 * that was emitted with --instruments 256) and asks for eight bitcoin:
 *
 *     #include <riskcore.h>
 *     #include <stdio.h>
 *     #include <string.h>
 *
 *     static struct rc_state state; // one account; any memory with its alignment will do
 *
 *     int main(void)
 *     {
 *         // Indices follow the order in the YAML files: a perpetual on bitcoin, its venue, dollars.
 *         const int64_t bitcoin = 5, venue = 1, dollar = 0;
 *         int64_t now = 1700000000000000000; // ns since 1970, UTC: the library reads no clock
 *         FILE *file = fopen("account.bin", "rb");
 *         if (!file || fread(&state, sizeof state, 1, file) != 1) {
 *             puts("account.bin: missing, or too short for this shape");
 *             return 1;
 *         }
 *         fclose(file);
 *         int64_t status = rc_state_attach(&state);
 *         if (status != RC_OK) {
 *             puts(rc_status_name(status)); // of another shape, or damaged
 *             return 2;
 *         }
 *
 *         // Money arrives, the book fills, somebody trades.
 *         rc_on_transfer(&state, now, venue, dollar, 1e6);
 *         rc_on_quote(&state, now, bitcoin, 370000, 12000, 370001, 9000);
 *         rc_on_trade(&state, now, bitcoin, 370001, 250000);
 *
 *         // Prices are ticks (0.1 dollars here), quantities are lots (0.001 bitcoin).
 *         struct rc_order order;
 *         struct rc_decision decision;
 *         memset(&order, 0, sizeof order);
 *         order.client_id = 1;
 *         order.time_ns = now;
 *         order.instrument = bitcoin;
 *         order.side = RC_BUY;
 *         order.type = RC_LIMIT;
 *         order.time_in_force = RC_GTC;
 *         order.lots = 8000;
 *         order.price_ticks = 370001;
 *         order.confidence = 0.9;
 *         int64_t action = rc_check(&state, &order, &decision);
 *         printf("%s %lld lots\n", rc_action_name(action), (long long)decision.lots);
 *         for (int64_t r = rc_next_reason(&decision, -1); r >= 0; r = rc_next_reason(&decision, r))
 *             printf("  %s\n", rc_reason_name(r));
 *
 *         // Send decision.lots to the venue. What comes back names the order by its handle.
 *         rc_on_ack(&state, now + 1000000, decision.handle, 77);
 *         rc_on_fill(&state, now + 2000000, decision.handle, order.instrument, order.strategy,
 *                    order.side, decision.lots, 370001, 25.0, dollar, 1);
 *         printf("holding %lld lots, equity %.2f\n", (long long)state.positions[bitcoin].net_lots,
 *                state.account.equity);
 *         return 0;
 *     }
 *
 * It prints
 *
 *     RESIZE 2702 lots
 *       ORDER_NOTIONAL_EXCEEDS_MAX
 *       POSITION_STOP_LOSS_EXCEEDS_MAX
 *       POSITION_VAR_EXCEEDS_MAX
 *       STRESS_LOSS_EXCEEDS_MAX
 *       DRAWDOWN_BUDGET_EXCEEDED
 *       CUSHION_EXPOSURE_EXCEEDED
 *     holding 2702 lots, equity 999974.86
 *
 * Contents: version and shape; conventions; codes; records; the buffer, block by block; functions
 * (life of a buffer, configuration, market and clock, orders, facts, system, questions, journal and
 * shared pages); names; the layout, asserted. Clean under -Wall -Wextra -Wpadded -pedantic as C11
 * and as C++17.
 */
#ifndef RISKCORE_H
#define RISKCORE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define RC_NOEXCEPT noexcept
#define RC_ALIGNAS(bytes) alignas(bytes)
extern "C" {
#else
#define RC_NOEXCEPT
#define RC_ALIGNAS(bytes) _Alignas(bytes)
#endif

/* ================================================================================================
 * Version and shape
 * ================================================================================================ */

/* The shape is frozen into this header and into the library. A buffer carries its shape and
 * RC_LAYOUT_HASH, a hash of every field's name, type, size and place and of the shape:
 * rc_state_attach refuses a buffer that any other library made. A library of another shape or
 * layout than this header does not link, and a shared one does not load: the name of a constant in
 * it ends with the hash.
 */
#define RC_VERSION "0.1.0"                           /* of the package */
#define RC_VERSION_MAJOR 0
#define RC_VERSION_MINOR 1
#define RC_VERSION_PATCH 0
#define RC_ABI_VERSION 1                             /* raised when a function or field changes
                                                      * meaning */
#define RC_MAGIC INT64_C(4995142087152453970)        /* first eight bytes of a buffer, RISKCORE
                                                      * in ASCII */
#define RC_LAYOUT_HASH INT64_C(3941207064016128979)  /* of every field, and the shape */
#define RC_STATE_SIZE 1794368                        /* bytes of a buffer */
#define RC_STATE_ALIGNMENT 64                        /* of its address, in bytes */
#define RC_INSTRUMENTS 64                            /* shape: instruments */
#define RC_STRATEGIES 8                              /* shape: strategies */
#define RC_VENUES 8                                  /* shape: venues */
#define RC_CURRENCIES 8                              /* shape: currencies */
#define RC_REGIMES 4                                 /* shape: regimes */
#define RC_WINDOW 512                                /* shape: window */
#define RC_SCENARIOS 32                              /* shape: scenarios */
#define RC_ORDERS 4096                               /* shape: orders */
#define RC_EVENT_WORDS 21                            /* int64 of an event in a journal record */

/* What a library of this header defines, and no other: a program that links another one stops here,
 * not at its first call. Define RC_WITHOUT_LIBRARY where a program only reads records and names.
 */
#ifndef RC_WITHOUT_LIBRARY
extern const int64_t rc_layout_36b1faf17cf10bd3;
#if defined(__has_attribute)
#if __has_attribute(retain)
__attribute__((retain)) /* also with --gc-sections */
#endif
#endif
__attribute__((used)) static const int64_t *const rc_linked_layout = &rc_layout_36b1faf17cf10bd3;
#endif

/* ================================================================================================
 * Conventions
 * ================================================================================================ */

/* Units. Prices are int64 ticks, quantities int64 lots, times int64 nanoseconds since 1970 UTC;
 * what a tick and a lot are you decide per instrument, and the contract value ties them to money.
 * Money is double in the account currency, "cash" double in the named currency. A "share" is a
 * fraction of equity, a "fraction" a plain ratio. Nothing is ever rounded at the boundary, and NaN
 * is never stored: what is not set is told by a flag or a state of zero.
 *
 * Arguments. These mean the same everywhere, and functions only speak of them where they add
 * something.
 *
 * - state: the buffer, accepted by rc_state_init or rc_state_attach. Functions trust it: a kernel
 *   follows its indices without looking. Never null, never overlapping with another argument.
 * - time_ns: your clock when you handle the event, 1 to RC_MAX_TIME_NS. Later than the last event's
 *   by a year: RC_INVALID_TIME. Earlier: the event is booked at the last time, orders are refused
 *   until the clock has caught up.
 * - instrument, strategy, venue, currency, scenario: indices from 0 that you chose when you set
 *   them.
 * - handle: the order, as rc_check named it in its decision. An old handle never names a new order.
 * - side: RC_BUY or RC_SELL. lots: 1 to RC_MAX_LOTS. price_ticks: 1 to RC_MAX_TICKS.
 * - pointers to records: yours, not null, aligned to 8 bytes, read or written during the call only.
 *
 * Answers. Every function returns int64_t. An event returns a status: RC_OK (1, never 0),
 * RC_BOOKED_UNMATCHED and RC_DUPLICATE where a fact is special, or why it was no event. Where
 * several reasons apply, the smallest number is returned. rc_check and its kin return the action of
 * the decision instead, RC_REJECT (0) where anything at all is wrong.
 *
 * Failing closed. What the library cannot evaluate, it rejects: a buffer of zero bytes, a missing
 * parameter, a stale mark or rate, an instrument that does not reconcile. An invalid event changes
 * not one byte. Facts (fills, funding, transfers, reconciliation) are always booked, matched or
 * not: they are exposure that exists. Exits and cancels stay possible.
 *
 * Threads. All functions that change an account are called by one thread, the writer. Different
 * buffers share nothing, so different accounts may live in different threads. Other threads and
 * processes read a copy (rc_checkpoint) or the published page (rc_page_read): a buffer that is
 * being written can be seen half changed.
 *
 * Signals, floating point. No function blocks, locks or calls anything outside. The bits of the
 * results rest on IEEE arithmetic with denormals and rounding to nearest, as every x86-64 process
 * starts; libraries linked with -ffast-math switch denormals off for the whole process.
 *
 * Cost. "Hot" marks what may stand on the path of an order or a quote: bounded, O(1) in instruments
 * and orders unless said otherwise. "Cold" is for start-up and for people.
 */

/* ================================================================================================
 * Codes
 * ================================================================================================ */

/* Numbers are never changed or reused: journals and dashboards may keep them. Fields and arguments
 * are int64_t whatever the enumeration; each rc_NAME below has a function rc_NAME_name that gives a
 * number's name, "unknown" where it has none.
 */

/* Status of a call: what became of the event. Where several of an event's apply, the smallest above
 * RC_OK is returned. From RC_BAD_BUFFER to RC_DUPLICATE, nothing at all has changed.
 */
enum rc_status {
    RC_OK = 1,
    RC_BAD_BUFFER = 2,           /* damaged, misaligned or not ours: nothing was read or written */
    RC_INVALID_TIME = 3,         /* time not in [1, 2**62], or more than a year ahead of the last
                                  * event */
    RC_INVALID_INSTRUMENT = 4,   /* index out of range or never set */
    RC_INVALID_STRATEGY = 5,
    RC_INVALID_VENUE = 6,
    RC_INVALID_CURRENCY = 7,
    RC_INVALID_SIDE = 8,         /* not +1 or -1 */
    RC_INVALID_LOTS = 9,         /* out of range, or the resulting position would be */
    RC_INVALID_PRICE = 10,
    RC_INVALID_VALUE = 11,       /* a float argument is NaN, infinite or out of range */
    RC_INVALID_CODE = 12,        /* unknown order type, flag, event kind, control code or state */
    RC_INVALID_HANDLE = 13,      /* no such order: wrong slot or generation */
    RC_INVALID_PARAMETERS = 14,  /* a parameter block failed validation */
    RC_INVALID_IDENTIFIER = 15,
    RC_DUPLICATE = 16,           /* a proven repeat of an execution: ignored, nothing changed */
    RC_BOOKED_UNMATCHED = 17,    /* booked without its order, strategy or currency; its
                                  * instrument is latched */
    RC_BUSY = 18,                /* rows of the covariance pass remain; a page is being written */
    RC_JOURNAL_FULL = 19,        /* no room in the journal: refused, nothing changed */
    RC_NOT_JOURNALED = 20,       /* a fact was applied for which the journal had no room */
    RC_WRONG_MAGIC = 21,         /* attach: the memory does not hold what was expected */
    RC_WRONG_ABI = 22,           /* attach: another version of the binary interface */
    RC_WRONG_SHAPE = 23,         /* attach: other sizes */
    RC_WRONG_SIZE = 24,          /* attach: another number of bytes */
    RC_WRONG_LAYOUT = 25,        /* attach: another layout hash */
    RC_TORN = 26                 /* a record or a checkpoint whose checksum does not fit */
};

/* Action of a decision. RC_RESIZE: send the lots of the decision, which are fewer than you asked
 * for. RC_REJECT: send nothing.
 */
enum rc_action {
    RC_REJECT = 0,
    RC_RESIZE = 1,
    RC_APPROVE = 2
};

/* The checks of the gate; each is the reason of an objection. Check n is bit n % 64 of
 * rc_decision.reasons[n / 64]; see rc_next_reason. Bit 63 of a word is never used. Beside each,
 * what it objects to; "after" means with this order, "own end" the position on the order's side if
 * everything that works there fills. [R]: a smaller order can pass. [X]: stops exits too.
 */
enum rc_reason {
    /* layer 7, system */
    RC_BUFFER_INTEGRITY = 0,                   /* magic, ABI or canary differ, or the layout hash
                                                * is gone; ends the evaluation [X] */
    RC_PARAMETERS_UNSET = 1,                   /* no parameter block has been set; ends the
                                                * evaluation [X] */
    RC_ORDER_INVALID = 2,                      /* a field is out of range; the order is no event
                                                * and changes nothing; ends the evaluation [X] */
    RC_INSTRUMENT_UNKNOWN = 3,                 /* the instrument, its venue or its currency was
                                                * never set; ends the evaluation [X] */
    RC_STRATEGY_UNKNOWN = 4,                   /* the strategy was never set; ends the evaluation
                                                * [X] */
    RC_DUPLICATE_CLIENT_ID = 5,                /* client_id <= the strategy's highest so far;
                                                * ends the evaluation [X] */
    RC_ORDER_TABLE_FULL = 6,                   /* no free order slot; ends the evaluation [X] */
    RC_KILL_SWITCH = 7,                        /* the kill switch is on [X] */
    RC_ACCOUNT_IN_REDUCE_ONLY = 8,             /* an account latch is set */
    RC_LATENCY_EXCEEDS_MAX = 9,                /* smoothed processing latency > limit */
    RC_ERROR_RATE_EXCEEDS_MAX = 10,            /* error bucket: arrival - now > burst */
    RC_CLOCK_BACKWARDS = 11,                   /* order time < last time */
    RC_CLOCK_STALLED = 12,                     /* events in a row at one time > limit */
    RC_DATA_GAP = 13,                          /* now - last good quote of any instrument >
                                                * limit, or none yet */
    RC_MONITOR_SILENT = 14,                    /* (monitor required or has spoken) and now - its
                                                * last word > limit */
    RC_INSTRUMENT_UNRECONCILED = 15,           /* an instrument latch other than repeated
                                                * execution is set, or orders of unknown fate */
    /* layer 1, position */
    RC_ORDER_LOTS_EXCEEDS_MAX = 16,            /* opening lots > limit [R] */
    RC_ORDER_NOTIONAL_EXCEEDS_MAX = 17,        /* value of the opening lots at the order's price
                                                * > limit [R] */
    RC_POSITION_LOTS_EXCEEDS_MAX = 18,         /* own end > limit [R] */
    RC_POSITION_NOTIONAL_EXCEEDS_MAX = 19,     /* own end x value > limit [R] */
    RC_POSITION_SHARE_EXCEEDS_MAX = 20,        /* own end x value > limit x equity [R] */
    RC_POSITION_STOP_LOSS_EXCEEDS_MAX = 21,    /* own end x value x stop fraction x regime
                                                * multiplier > limit x equity [R] */
    RC_POSITION_VAR_EXCEEDS_MAX = 22,          /* own end x value x volatility x VaR multiplier x
                                                * regime multiplier > limit x equity [R] */
    RC_STOP_BREACHED = 23,                     /* the open position's stop is breached */
    RC_LIQUIDATION_DISTANCE_BELOW_MIN = 24,    /* venue maintenance + limit x own end value >
                                                * venue equity (not for spot) [R] */
    RC_SHORTING_NOT_ALLOWED = 25,              /* own end of a sell > 0 [R] */
    RC_REDUCE_ONLY_WOULD_OPEN = 26,            /* a reduce-only order has opening lots [R] */
    RC_INSTRUMENT_CLOSE_ONLY = 27,             /* the instrument is retired or past its expiry */
    /* layer 2, portfolio */
    RC_GROSS_LEVERAGE_EXCEEDS_MAX = 32,        /* gross after > limit x equity [R] */
    RC_NET_LEVERAGE_EXCEEDS_MAX = 33,          /* max(net long end, -net short end) after > limit
                                                * x equity [R] */
    RC_PORTFOLIO_VAR_EXCEEDS_MAX = 34,         /* (sigma after + working sigma) x VaR multiplier
                                                * x regime multiplier > limit x equity [R] */
    RC_EXPECTED_SHORTFALL_EXCEEDS_MAX = 35,    /* the same with the ES multiplier [R] */
    RC_PORTFOLIO_STOP_LOSS_EXCEEDS_MAX = 36,   /* sum of stop losses after x regime multiplier >
                                                * limit x equity [R] */
    RC_HERFINDAHL_EXCEEDS_MAX = 37,            /* sum of squared gross contributions after >
                                                * limit x equity^2 [R] */
    RC_LARGEST_WEIGHT_EXCEEDS_MAX = 38,        /* gross of the instrument's underlying after >
                                                * limit x equity [R] */
    RC_CLUSTER_RISK_EXCEEDS_MAX = 39,          /* cluster VaR after x regime multiplier > limit x
                                                * equity [R] */
    RC_STRESS_LOSS_EXCEEDS_MAX = 40,           /* loss after in some enabled scenario, fills
                                                * through the mark included, > limit x equity [R] */
    /* layer 3, account */
    RC_DRAWDOWN_EXCEEDS_MAX = 48,              /* drawdown > limit */
    RC_DRAWDOWN_BUDGET_EXCEEDED = 49,          /* loss after in some budget scenario, fills
                                                * through the mark included, > drawdown budget
                                                * [R] */
    RC_CUSHION_EXPOSURE_EXCEEDED = 50,         /* gross after > multiplier x drawdown budget [R] */
    RC_DAILY_LOSS_EXCEEDS_MAX = 51,            /* start of day equity - equity > limit x start of
                                                * day equity */
    RC_FREE_MARGIN_BELOW_MIN = 52,             /* venue margin after > (1 - limit) x venue equity
                                                * [R] */
    RC_OPEN_ORDERS_EXCEEDS_MAX = 53,           /* open orders + 1 > limit or all but a 64th of
                                                * the table, which is left to exits; a replace
                                                * adds none */
    RC_DAILY_TURNOVER_EXCEEDS_MAX = 54,        /* filled + working notional of the day + opening
                                                * lots at the order's price > limit x equity;
                                                * never passes for not worsening [R] */
    RC_LOSING_STREAK_COOLDOWN = 55,            /* now < end of the cool-down */
    RC_EQUITY_NOT_POSITIVE = 56,               /* equity <= 0 */
    /* layer 4, exchange */
    RC_MESSAGE_RATE_EXCEEDS_MAX = 64,          /* message bucket full (for opening lots: its part
                                                * without the exits' reserve) [X] */
    RC_MESSAGE_WINDOW_EXCEEDS_MAX = 65,        /* fixed window used up (for opening lots: its
                                                * part without the exits' reserve) [X] */
    RC_HEARTBEAT_STALE = 66,                   /* (heartbeat required or the venue has beaten)
                                                * and its last beat is older than the limit */
    RC_ORDER_TO_TRADE_EXCEEDS_MAX = 67,        /* messages of the day + 1 > grace and > limit x
                                                * max(1, fills of the day) */
    RC_REJECT_RATE_EXCEEDS_MAX = 68,           /* smoothed reject rate > limit */
    RC_VENUE_EXPOSURE_EXCEEDS_MAX = 69,        /* venue gross after > limit x equity [R] */
    RC_PRICE_OFF_TICK = 70,                    /* price or trigger not a multiple of the step or
                                                * outside the venue's band [X] */
    RC_LOTS_OFF_STEP = 71,                     /* lots not a multiple of the step [X] */
    RC_LOTS_BELOW_MIN = 72,                    /* lots < minimum (also of a resized order) [X] */
    RC_NOTIONAL_BELOW_MIN = 73,                /* value at a limit order's price, at the mark of
                                                * another, < minimum (also of a resized order);
                                                * not judged without mark or rate [X] */
    RC_VENUE_NOT_ACTIVE = 74,                  /* the venue is close-only */
    RC_VENUE_DOWN = 75,                        /* the venue or the instrument is down [X] */
    RC_REPEATED_EXECUTION = 76,                /* the instrument's repeated-execution latch is
                                                * set */
    /* layer 5, market */
    RC_PRICE_OUTSIDE_COLLAR = 80,              /* limit price through the mark by more than the
                                                * collar (exit_collar on a stale or bad book) [X] */
    RC_QUOTE_STALE = 81,                       /* now - quote time > limit */
    RC_BOOK_CROSSED = 82,                      /* the last quote was crossed */
    RC_BOOK_ONE_SIDED = 83,                    /* the last quote lacked a side, or there was none */
    RC_SPREAD_EXCEEDS_MAX = 84,                /* ask - bid > limit x mark */
    RC_VISIBLE_LIQUIDITY_EXCEEDED = 85,        /* opening lots of a taking order > limit x
                                                * visible opposite lots [R] */
    RC_TRADED_LIQUIDITY_EXCEEDED = 86,         /* opening lots > limit x lots traded in the
                                                * window [R] */
    RC_VOLATILITY_EXCEEDS_MAX = 87,            /* 24 h volatility > limit */
    RC_FLASH_MOVE = 88,                        /* highest - lowest mark of the flash window >
                                                * limit x lowest */
    RC_CRASH_REGIME = 89,                      /* the flag is set and the regime is crash or its
                                                * probability at or above crash_probability */
    RC_RATE_STALE = 90,                        /* the settlement currency is not the account's
                                                * and its rate is missing or too old */
    RC_MARK_UNSET = 91,                        /* the instrument has no mark */
    RC_POST_ONLY_WOULD_TAKE = 92,              /* a post-only order would take on a good book */
    /* layer 6, strategy */
    RC_STRATEGY_DISABLED = 96,                 /* the strategy is not active */
    RC_STRATEGY_REGIME_DISABLED = 97,          /* the current regime is not in its mask */
    RC_STRATEGY_BUDGET_EXCEEDED = 98,          /* strategy gross after > limit x equity [R] */
    RC_STRATEGY_DRAWDOWN_EXCEEDS_MAX = 99,     /* peak P&L - P&L > limit x equity */
    RC_STRATEGY_DAILY_LOSS_EXCEEDS_MAX = 100,  /* start of day P&L - P&L > limit x equity */
    RC_CONFIDENCE_BELOW_THRESHOLD = 101,       /* confidence < threshold of the current regime */
    RC_STRATEGY_ON_PROBATION = 102,            /* on probation and strategy gross after > factor
                                                * x budget x equity [R] */
    RC_STRATEGY_ORDER_RATE_EXCEEDS_MAX = 103,  /* the strategy's order bucket is full */
    RC_SELF_MATCH = 104,                       /* the order would match an own working order */
    /* layer 7, system */
    RC_BATCH_LEG_REJECTED = 112                /* another leg of the batch did not pass whole [X] */
};

/* The seven layers of the gate. */
enum rc_layer {
    RC_LAYER_NONE = 0,
    RC_LAYER_POSITION = 1,
    RC_LAYER_PORTFOLIO = 2,
    RC_LAYER_ACCOUNT = 3,
    RC_LAYER_EXCHANGE = 4,
    RC_LAYER_MARKET = 5,
    RC_LAYER_STRATEGY = 6,
    RC_LAYER_SYSTEM = 7
};

/* Side of an order or fill; also the sign of what it adds. */
enum rc_side {
    RC_BUY = 1,
    RC_SELL = -1
};

/* Order types. Market and stop orders are valued at the mark moved by the price collar, the worst
 * price that is accepted.
 */
enum rc_order_type {
    RC_LIMIT = 1,
    RC_MARKET = 2,
    RC_STOP = 3
};

/* How long an order lives. */
enum rc_time_in_force {
    RC_GTC = 1,
    RC_IOC = 2,
    RC_FOK = 3
};

/* Bits of order_flags. RC_POST_ONLY goes with RC_LIMIT and RC_GTC only. */
enum rc_order_flag {
    RC_POST_ONLY = 1,
    RC_REDUCE_ONLY = 2
};

/* Contract kinds. RC_SPOT: the asset itself, paid for. RC_LINEAR: P&L in the quote currency.
 * RC_INVERSE: P&L in the base currency.
 */
enum rc_contract {
    RC_SPOT = 1,
    RC_LINEAR = 2,
    RC_INVERSE = 3
};

/* States of an instrument, a venue, a currency or a strategy. */
enum rc_entity_state {
    RC_UNSET = 0,
    RC_ACTIVE = 1,
    RC_CLOSE_ONLY = 2,  /* instrument: retired or expiring; venue: exits and cancels only */
    RC_DOWN = 3,        /* venue: unreachable, nothing can be sent; instrument: expired */
    RC_DISABLED = 4     /* strategy: no new exposure */
};

/* States of the account: everything, exits only (a latch is set), cancels only (killed). */
enum rc_account_state {
    RC_NORMAL = 0,
    RC_ACCOUNT_REDUCE_ONLY = 1,
    RC_CANCEL_ONLY = 2
};

/* Bits of latches, of the account or of an instrument. While one is set, only exits pass. A named
 * person resets them: RC_CONTROL_RESET_LATCHES, RC_CONTROL_RESET_INSTRUMENT.
 */
enum rc_latch {
    RC_LATCH_DRAWDOWN = 1,
    RC_LATCH_DAILY_LOSS = 2,          /* also cleared by the day roll */
    RC_LATCH_RECONCILIATION = 4,
    RC_LATCH_OPERATOR = 8,            /* set by hand through control */
    RC_LATCH_UNMATCHED_FILL = 16,
    RC_LATCH_REPEATED_EXECUTION = 32
};

/* What the last quote was. Only a good one moves the mark. */
enum rc_quote_state {
    RC_QUOTE_NONE = 0,
    RC_QUOTE_GOOD = 1,
    RC_QUOTE_CROSSED = 2,    /* bid >= ask */
    RC_QUOTE_ONE_SIDED = 3,
    RC_QUOTE_EMPTY = 4
};

/* State of an order slot. */
enum rc_order_state {
    RC_ORDER_FREE = 0,
    RC_ORDER_PENDING = 1,          /* sent, no acknowledgement yet */
    RC_ORDER_WORKING = 2,
    RC_ORDER_CANCEL_PENDING = 3,
    RC_ORDER_REPLACE_PENDING = 4,
    RC_ORDER_UNKNOWN = 5           /* no answer in time: keeps its reservation until reconciled */
};

/* What a venue says of an order; for rc_on_order_status. */
enum rc_venue_order {
    RC_VENUE_ORDER_WORKING = 1,
    RC_VENUE_ORDER_DONE = 2,      /* filled, cancelled, expired or rejected: nothing is left at
                                   * the venue */
    RC_VENUE_ORDER_NOT_FOUND = 3
};

/* Market regimes. */
enum rc_regime_number {
    RC_REGIME_NORMAL = 0,
    RC_REGIME_VOLATILE = 1,
    RC_REGIME_TRENDING = 2,
    RC_REGIME_CRASH = 3
};

/* What rc_control can do; the target is an instrument, venue or strategy where one is named. */
enum rc_control_code {
    RC_CONTROL_KILL = 1,
    RC_CONTROL_RESET_KILL = 2,
    RC_CONTROL_RESET_LATCHES = 3,       /* account latches */
    RC_CONTROL_LATCH_ACCOUNT = 4,
    RC_CONTROL_RESET_INSTRUMENT = 5,    /* instrument latches */
    RC_CONTROL_LATCH_INSTRUMENT = 6,
    RC_CONTROL_SET_VENUE_STATE = 7,     /* value: RC_ACTIVE, RC_CLOSE_ONLY, RC_DOWN */
    RC_CONTROL_SET_STRATEGY_STATE = 8,  /* value: RC_ACTIVE, RC_DISABLED */
    RC_CONTROL_VENUE_USAGE = 9,         /* value: messages used in the current window as the
                                         * venue reports it */
    RC_CONTROL_RESET_COOLDOWN = 10,
    RC_CONTROL_REBASE_PEAK = 11,        /* high-water mark and start of day to today's equity: a
                                         * loss accepted */
    RC_CONTROL_RESTART = 12             /* the process was away: live orders are of unknown fate;
                                         * value: missing facts */
};

/* Kinds of rc_event, one for each function that takes an event; see rc_apply. */
enum rc_event_kind {
    RC_EVENT_QUOTE = 1,
    RC_EVENT_TRADE = 2,
    RC_EVENT_RATE = 3,
    RC_EVENT_CLOCK = 4,
    RC_EVENT_SAMPLE = 5,
    RC_EVENT_ADVANCE = 6,
    RC_EVENT_CHECK = 7,
    RC_EVENT_CANCEL = 8,
    RC_EVENT_REPLACE = 9,
    RC_EVENT_ACK = 10,
    RC_EVENT_REJECT = 11,
    RC_EVENT_CANCELED = 12,
    RC_EVENT_CANCEL_REJECT = 13,
    RC_EVENT_REPLACED = 14,
    RC_EVENT_EXPIRE = 15,
    RC_EVENT_FILL = 16,
    RC_EVENT_BUST = 17,
    RC_EVENT_FUNDING = 18,
    RC_EVENT_TRANSFER = 19,
    RC_EVENT_SETTLEMENT = 20,
    RC_EVENT_POSITION = 21,
    RC_EVENT_ORDER_STATUS = 22,
    RC_EVENT_HEARTBEAT = 23,
    RC_EVENT_LATENCY = 24,
    RC_EVENT_ERROR = 25,
    RC_EVENT_CONTROL = 26,
    RC_EVENT_REGIME = 27
};

/* Kinds of journal entries beyond the events: configuration and batches. The first record has the
 * head, with the number of words or legs in lots; the records behind it carry them.
 */
enum rc_entry_kind {
    RC_ENTRY_PARAMETERS = 64,
    RC_ENTRY_INSTRUMENT = 65,
    RC_ENTRY_VENUE = 66,
    RC_ENTRY_CURRENCY = 67,
    RC_ENTRY_STRATEGY = 68,
    RC_ENTRY_SCENARIO = 69,
    RC_ENTRY_BATCH = 70
};

/* What limited a proposed size. Up to RC_SIZE_BUDGET these are candidates, of which the smallest
 * wins; the others say why nothing is proposed.
 */
enum rc_size_limit {
    RC_SIZE_BASE = 1,          /* base_size */
    RC_SIZE_VOLATILITY = 2,    /* volatility target */
    RC_SIZE_STOP = 3,          /* risk per trade over the stop distance */
    RC_SIZE_KELLY = 4,         /* fractional or risk-constrained Kelly, whichever is smaller */
    RC_SIZE_LEVERAGE = 5,      /* max_leverage */
    RC_SIZE_BUDGET = 6,        /* what the drawdown budget and the cushion leave */
    RC_SIZE_CONFIDENCE = 7,    /* confidence below the regime's threshold */
    RC_SIZE_MINIMUM = 8,       /* less than a lot step or than the venue's minimum */
    RC_SIZE_DRAWDOWN = 9,      /* the drawdown has reached target_drawdown */
    RC_SIZE_REGIME = 10,       /* the regime's size multiplier is zero */
    RC_SIZE_PERFORMANCE = 11,  /* the strategy is on probation with a factor of zero */
    RC_SIZE_EQUITY = 12,       /* equity is not positive */
    RC_SIZE_MARK = 13,         /* the instrument has no mark or its currency no rate */
    RC_SIZE_SHORTING = 14      /* a short side where shorting is not allowed */
};

/* Bounds of exact arguments, and numbers that go with the codes. */
#define RC_EVENT_KINDS 27
#define RC_MAX_LOTS INT64_C(1099511627776)              /* one order or fill */
#define RC_MAX_POSITION_LOTS INT64_C(1125899906842624)  /* any running sum of lots */
#define RC_MAX_TICKS INT64_C(1099511627776)
#define RC_MAX_TIME_NS INT64_C(4611686018427387904)
#define RC_MAX_TIME_JUMP_NS INT64_C(31622400000000000)
#define RC_MAX_IDENTIFIER INT64_C(4611686018427387903)
#define RC_MAX_MONEY 1000000000000000.0
#define RC_MAX_SHARE 1000000.0                          /* largest limit that is expressed as a
                                                         * fraction */
#define RC_DAY_NS INT64_C(86400000000000)
#define RC_HANDLE_SLOT_BITS 20
#define RC_HANDLE_SLOT_MASK 1048575
#define RC_MAX_BATCH 64                                 /* legs of a batch, and of the scratch
                                                         * memory of rc_replay */
#define RC_MIN_JOURNAL_RECORDS 256                      /* capacity of a journal; its longest
                                                         * entry is a scenario, 104 records */
#define RC_MAX_JOURNAL_RECORDS INT64_C(4294967296)
#define RC_CHECK_COUNT 128

/* ================================================================================================
 * Records that pass between you and the library
 * ================================================================================================ */

/* All members are eight bytes wide, every record is a multiple of 64 bytes, and padding is
 * explicit, so there is none that the compiler adds. Units stand in brackets. Zero a record before
 * you fill it: later versions give meaning to what is padding now.
 *
 * Each structure has a typedef of its name.
 */

/* An order as you would like to send it: input of rc_check. client_id grows strictly within each
 * strategy; that is how repeats are found for ever.
 */
struct rc_order {
    int64_t client_id;                /* strictly increasing per strategy, > 0 */
    int64_t time_ns;                  /* time of the writer [ns] */
    int64_t instrument;               /* index */
    int64_t strategy;                 /* index */
    int64_t side;                     /* RC_BUY or RC_SELL */
    int64_t type;                     /* RC_LIMIT, RC_MARKET or RC_STOP */
    int64_t time_in_force;            /* RC_GTC, RC_IOC or RC_FOK */
    int64_t order_flags;              /* RC_POST_ONLY, RC_REDUCE_ONLY */
    int64_t lots;                     /* > 0 [lots] */
    int64_t price_ticks;              /* limit price; 0 for market and stop orders [ticks] */
    int64_t stop_ticks;               /* trigger of a stop order; else 0 [ticks] */
    double confidence;                /* calibrated probability of the strategy, 0 to 1
                                       * [fraction] */
    int64_t padding[4];               /* to a whole cache line */
};
typedef struct rc_order rc_order;

/* The answer to an order. Zeroed it is a rejection, so a decision that was never written lets
 * nothing through. Look at the action first, then send lots. status other than RC_OK means that the
 * order was malformed and the account did not move at all.
 */
struct rc_decision {
    int64_t action;                   /* RC_REJECT (0), RC_RESIZE or RC_APPROVE */
    int64_t status;                   /* RC_OK, or why the order is not a valid event */
    int64_t lots;                     /* allowed [lots] */
    int64_t exit_lots;                /* part of them that is exit [lots] */
    int64_t reasons[2];               /* every check that objected to the order as asked */
    int64_t first_check;              /* lowest layer's first objection, -1 for none */
    int64_t layer;                    /* its layer, 0 for none */
    int64_t handle;                   /* of the reserved order slot, 0 for none */
    int64_t price_ticks;              /* price that the order was valued at [ticks] */
    double utilisation[7];            /* largest measure / limit of each layer's limits on sizes,
                                       * losses and rates, for the lots asked; of a message
                                       * bucket without the exits' reserve; 1e18 or more of
                                       * nothing [fraction] */
    double equity;                    /* at the decision [money] */
    double var_before;                /* portfolio VaR 95 % with working orders [money] */
    double var_after;                 /* the same with this order [money] */
    double gross_before;              /* gross exposure [money] */
    double gross_after;               /* the same with this order [money] */
    double stress_before;             /* worst scenario loss [money] */
    double stress_after;              /* the same with this order [money] */
    double budget;                    /* drawdown budget [money] */
    int64_t padding[7];               /* to a whole cache line */
};
typedef struct rc_decision rc_decision;

/* Any event as one record of fixed size: what a journal keeps and rc_apply takes. Each kind uses
 * the members that its function has arguments for, and ignores the others: a quote has bid in lots
 * and price_ticks and ask in lots_2 and price_ticks_2; a check its stop trigger in price_ticks_2
 * and client_id in id; a replace its new terms in lots_2 and price_ticks_2; a fill and a bust the
 * fee in value, its currency in currency and the execution in id; a control its target in
 * instrument, value in lots and author in id; rates, amounts, latencies and probabilities stand in
 * value; an advance has its rows in lots.
 */
struct rc_event {
    int64_t kind;                     /* RC_EVENT_* */
    int64_t time_ns;                  /* time of the writer [ns] */
    int64_t venue_time_ns;            /* the venue's own time, informational [ns] */
    int64_t id;                       /* client order, execution or venue order identifier */
    int64_t handle;                   /* order handle, 0 for none */
    int64_t instrument;               /* index */
    int64_t strategy;                 /* index */
    int64_t venue;                    /* index */
    int64_t currency;                 /* index */
    int64_t side;                     /* RC_BUY or RC_SELL */
    int64_t type;                     /* order type */
    int64_t time_in_force;            /* RC_GTC, RC_IOC or RC_FOK */
    int64_t order_flags;              /* order flags */
    int64_t code;                     /* control code, error code, venue order state */
    int64_t lots;                     /* quantity; bid size of a quote [lots] */
    int64_t price_ticks;              /* price; bid of a quote [ticks] */
    int64_t lots_2;                   /* ask size of a quote; new lots of a replace [lots] */
    int64_t price_ticks_2;            /* ask of a quote; stop trigger of an order [ticks] */
    double value;                     /* fee, rate, amount, latency, probability */
    double value_2;                   /* second value where a kind has one */
    double confidence;                /* of an order [fraction] */
    int64_t padding[3];               /* to a whole cache line */
};
typedef struct rc_event rc_event;

/* Output of rc_position_risk. Losses are positive. */
struct rc_position_risk_result {
    double exposure;                  /* signed value of the filled position [money] */
    double gross;                     /* with working orders, the larger end [money] */
    double volatility;                /* 24 h standard deviation [fraction] */
    double value_at_risk;             /* standalone VaR 95 %, 24 h, filled position [money] */
    double expected_shortfall;        /* standalone ES 95 %, 24 h [money] */
    double marginal_var;              /* derivative of portfolio VaR by the money weight
                                       * [fraction] */
    double component_var;             /* weight x marginal VaR; components sum to portfolio VaR
                                       * [money] */
    double incremental_var;           /* portfolio VaR with the position less that without it
                                       * [money] */
    double stop_price;                /* 0 for none [ticks] */
    double target_price;              /* 0 for none [ticks] */
    double stop_loss;                 /* loss at the stop, working orders included [money] */
    double liquidation_distance;      /* adverse move of this instrument that exhausts the
                                       * venue's equity; 1e6 for none [fraction] */
    double liquidation_price;         /* 0 for none [ticks] */
    double unrealized_pnl;            /* at the rate [money] */
    int64_t stop_breached;            /* 1 when breached */
    int64_t cluster;                  /* label */
};
typedef struct rc_position_risk_result rc_position_risk_result;

/* Output of rc_portfolio_risk. Losses are positive. */
struct rc_portfolio_risk_result {
    double equity;                    /* now [money] */
    double gross_leverage;            /* gross / equity [fraction] */
    double net_leverage;              /* net / equity [fraction] */
    double volatility;                /* 24 h standard deviation of the filled portfolio [money] */
    double value_at_risk;             /* VaR 95 %, filled positions [money] */
    double value_at_risk_working;     /* with every working order at its worst [money] */
    double expected_shortfall;        /* ES 95 %, filled positions [money] */
    double expected_shortfall_working;  /* with every working order at its worst [money] */
    double herfindahl;                /* sum of squared weights [fraction] */
    double largest_weight;            /* largest exposure to one underlying / equity [fraction] */
    double cluster_risk;              /* largest cluster [money] */
    double stop_loss;                 /* sum of losses at stops [money] */
    double stress_loss;               /* worst scenario [money] */
    int64_t stress_scenario;          /* its index, -1 for none */
    double drawdown;                  /* from the high-water mark [fraction] */
    double daily_loss;                /* since the start of the day, never negative [fraction] */
    double budget;                    /* drawdown budget [money] */
    double cushion;                   /* budget / equity [fraction] */
    double free_margin;               /* equity of all venues less initial margins [money] */
    int64_t open_orders;              /* working */
    int64_t padding[4];               /* to a whole cache line */
};
typedef struct rc_portfolio_risk_result rc_portfolio_risk_result;

/* What a strategy believes: input of rc_size. */
struct rc_signal {
    int64_t instrument;               /* index */
    int64_t strategy;                 /* index */
    int64_t side;                     /* RC_BUY or RC_SELL */
    double confidence;                /* calibrated probability, 0 to 1 [fraction] */
    double expected_return;           /* over 24 h, in the direction of the side; 0 where unknown
                                       * [fraction] */
    double win_probability;           /* for single-asset Kelly; 0 where unknown [fraction] */
    double payoff;                    /* average win / average loss; 0 where unknown [fraction] */
    int64_t padding[1];               /* to a whole cache line */
};
typedef struct rc_signal rc_signal;

/* Output of rc_size: the position that a signal deserves, every candidate of it in money, and the
 * factors that scaled it.
 */
struct rc_sizing {
    int64_t status;                   /* RC_OK or why not */
    int64_t lots;                     /* target size of the strategy's position in that
                                       * direction, floored to the lot step [lots] */
    double notional;                  /* of those lots [money] */
    int64_t limit_code;               /* which candidate was the smallest, RC_SIZE_* */
    double base_size;                 /* base_size candidate [money] */
    double volatility;                /* volatility target candidate [money] */
    double stop;                      /* risk per trade / stop distance candidate [money] */
    double kelly;                     /* fractional Kelly candidate; -1 where neither signal nor
                                       * record gives its inputs [money] */
    double leverage;                  /* max_leverage candidate [money] */
    double budget;                    /* what drawdown budget and cushion leave beside all other
                                       * exposure [money] */
    double confidence_factor;         /* 0 below the threshold, else 0.5 to 1 [fraction] */
    double regime_factor;             /* size multiplier of the regime [fraction] */
    double drawdown_factor;           /* cushion factor [fraction] */
    double performance_factor;        /* probation factor of a strategy on probation, else 1
                                       * [fraction] */
    int64_t padding[2];               /* to a whole cache line */
};
typedef struct rc_sizing rc_sizing;

/* One row of rc_derisk: cancel first, then trade. */
struct rc_reduction {
    int64_t instrument;               /* index */
    int64_t side;                     /* RC_BUY or RC_SELL, against the position */
    int64_t lots;                     /* to trade [lots] */
    int64_t cancel_buy_lots;          /* working buys to cancel [lots] */
    int64_t cancel_sell_lots;         /* working sells to cancel [lots] */
    double value;                     /* of the lots [money] */
    int64_t padding[2];               /* to a whole cache line */
};
typedef struct rc_reduction rc_reduction;

/* Limits and model constants: input of rc_set_parameters and a block of the buffer. A limit of zero
 * allows nothing. There are many; teams usually keep them in YAML files, let the Python package
 * validate them (riskcore config FILE) and start from the buffer that it makes. Derived members are
 * worked out by the library.
 */
struct rc_parameters {
    int64_t version;                  /* version of this block; 0 is unset and rejects every
                                       * order */
    int64_t author;                   /* identifier of the person or process that set it */
    double max_position_share;        /* largest position, working orders included [share] */
    double max_position_risk;         /* largest standalone VaR (95 %, 24 h) and largest loss at
                                       * the stop of one position [share] */
    double min_liquidation_distance;  /* smallest move of the mark that may separate a position
                                       * from liquidation [fraction] */
    double max_gross_leverage;        /* largest sum of absolute positions [share] */
    double max_net_leverage;          /* largest absolute sum of signed positions [share] */
    double var_95;                    /* largest portfolio VaR at 95 % over 24 h [share] */
    double expected_shortfall;        /* largest portfolio ES at 95 % over 24 h [share] */
    double max_portfolio_risk;        /* largest sum of the losses at the stops, gaps included
                                       * [share] */
    double max_herfindahl;            /* largest sum of squared weights [share^2] */
    double max_weight;                /* largest un-netted exposure to one underlying [share] */
    double max_correlation_risk;      /* largest un-netted sum of standalone VaR in a cluster
                                       * [share] */
    double cluster_correlation;       /* instruments at least this correlated (absolute) share a
                                       * cluster [fraction] */
    double max_stress_loss;           /* largest loss in any scenario [share] */
    double max_drawdown;              /* largest drawdown from the high-water mark [fraction] */
    double target_drawdown;           /* drawdown at which sizing has shrunk to nothing
                                       * [fraction] */
    double max_daily_loss;            /* largest loss since the start of the UTC day [fraction] */
    double cushion_multiplier;        /* exposure per unit of cushion [fraction] */
    double min_free_margin;           /* part of a venue's equity that must stay free of margin
                                       * [fraction] */
    int64_t max_open_orders;          /* largest number of working orders */
    double max_daily_turnover;        /* largest filled plus working notional of a UTC day
                                       * [share] */
    int64_t max_losing_streak;        /* losing round trips in a row that start the cool-down */
    int64_t losing_streak_cooldown_ns;  /* length of the cool-down [ns] */
    int64_t decision_interval_ns;     /* time between two looks at the market [ns] */
    int64_t execution_latency_ns;     /* time from a decision to its execution [ns] */
    double max_order_to_trade;        /* largest number of messages per fill of a day and venue
                                       * [fraction] */
    int64_t order_to_trade_grace;     /* messages of a day before that ratio counts */
    double max_reject_rate;           /* largest smoothed share of orders that a venue rejects
                                       * [fraction] */
    double max_venue_exposure;        /* largest gross position at one venue [share] */
    int64_t heartbeat_timeout_ns;     /* silence of a venue after which it counts as gone [ns] */
    int64_t require_heartbeat;        /* 1 where a venue that never beat counts as gone too */
    int64_t execution_interval_ns;    /* sustained time per fill of one instrument [ns] */
    int64_t execution_burst_ns;       /* burst of fills tolerated above that [ns] */
    int64_t acknowledgement_timeout_ns;  /* an order unanswered this long is of unknown fate [ns] */
    double price_collar;              /* how far through the mark an order may be priced
                                       * [fraction] */
    double exit_collar;               /* the same for exits on a stale or one-sided book
                                       * [fraction] */
    int64_t max_quote_age_ns;         /* a quote older than this is stale [ns] */
    int64_t max_rate_age_ns;          /* a currency rate older than this is stale [ns] */
    double max_spread;                /* largest spread relative to the mark [fraction] */
    double max_visible_share;         /* largest part of the visible opposite size that a taking
                                       * order may ask for [fraction] */
    double max_traded_share;          /* largest part of the lots traded in the liquidity window
                                       * [fraction] */
    int64_t liquidity_window_ns;      /* length of the window of traded lots [ns] */
    double max_volatility;            /* largest 24 h volatility of an instrument that may be
                                       * opened [fraction] */
    double max_flash_move;            /* largest range of the mark within the flash window
                                       * [fraction] */
    int64_t flash_window_ns;          /* length of the flash window (two buckets of it are kept)
                                       * [ns] */
    int64_t crash_reduce_only;        /* 1 where the crash regime allows exits only */
    double crash_probability;         /* probability of the crash regime from which it counts as
                                       * current [fraction] */
    double performance_floor;         /* smoothed return per trade below which a strategy is on
                                       * probation [fraction] */
    int64_t performance_min_trades;   /* trades before the floor counts */
    double performance_decay;         /* weight kept by the old value at each closed trade
                                       * [fraction] */
    double probation_factor;          /* part of its budget that a strategy on probation may use
                                       * [fraction] */
    int64_t max_latency_ns;           /* largest smoothed processing latency [ns] */
    double latency_decay;             /* weight kept by the old value at each measurement
                                       * [fraction] */
    int64_t error_interval_ns;        /* sustained time per error [ns] */
    int64_t error_burst_ns;           /* burst of errors tolerated above that [ns] */
    int64_t max_data_gap_ns;          /* silence of all quotes after which nothing is opened [ns] */
    int64_t monitor_timeout_ns;       /* silence of the monitor after which nothing is opened
                                       * [ns] */
    int64_t require_monitor;          /* 1 where a monitor that never spoke counts as silent */
    int64_t max_same_time_events;     /* events in a row at one time after which the clock counts
                                       * as stalled */
    int64_t sample_interval_ns;       /* length of a sampling interval [ns] */
    double variance_decay;            /* lambda of the EWMA variance per sample [fraction] */
    double covariance_decay;          /* lambda of the EWMA covariance per sample [fraction] */
    double initial_correlation;       /* correlation of a new instrument with every other
                                       * [fraction] */
    double tail_degrees_of_freedom;   /* Student t degrees of freedom (> 2.05) of VaR and ES; 0
                                       * is normal */
    double stop_multiple;             /* stop distance in standard deviations over the stop
                                       * horizon [fraction] */
    double target_multiple;           /* take-profit distance in stop distances [fraction] */
    int64_t stop_horizon_ns;          /* horizon of the stop distance [ns] */
    double stop_gap;                  /* move beyond the stop that a gap may add [fraction] */
    double base_size;                 /* notional at confidence 1 in the normal regime [share] */
    double volatility_target;         /* target volatility over 24 h [fraction] */
    double volatility_multiplier;     /* exponent of target volatility / volatility */
    double max_leverage;              /* largest notional that sizing proposes [share] */
    double risk_per_trade;            /* loss at the stop that sizing accepts for one trade
                                       * [share] */
    double kelly_fraction;            /* part of the Kelly bet that sizing takes [fraction] */
    double kelly_shrinkage;           /* weight of the diagonal in the covariance that Kelly
                                       * inverts [fraction] */
    double kelly_wealth_floor;        /* wealth level alpha of risk-constrained Kelly (0 < alpha
                                       * < 1) [fraction] */
    double kelly_floor_probability;   /* largest probability beta of ever falling to it (0 < beta
                                       * < 1) [fraction] */
    double drawdown_sizing_power;     /* exponent of the cushion factor of sizing */
    double regime_risk_multiplier[RC_REGIMES];  /* multiplies measured risk; the gate uses at
                                                 * least 1 [fraction] */
    double regime_size_multiplier[RC_REGIMES];  /* multiplies proposed size [fraction] */
    double regime_confidence_threshold[RC_REGIMES];  /* smallest confidence that may open
                                                      * [fraction] */
    double regime_stop_multiplier[RC_REGIMES];  /* multiplies stop distance [fraction] */
    double var_multiplier;            /* derived: VaR of one standard deviation at 95 %
                                       * [fraction] */
    double es_multiplier;             /* derived: ES of one standard deviation at 95 % [fraction] */
    double samples_per_day;           /* derived: 24 h / sample_interval_ns */
    double stop_scale;                /* derived: stop_multiple x sqrt(stop_horizon / 24 h)
                                       * [fraction] */
    int64_t padding[5];               /* to a whole cache line */
};
typedef struct rc_parameters rc_parameters;

/* An instrument: input of rc_instrument_set and element of state.instruments. Contract terms first,
 * then limits, then the venue's filters. contract_value is what one lot gains when the price rises
 * by one tick (RC_SPOT, RC_LINEAR), or the lot's worth in quote currency counted in ticks
 * (RC_INVERSE).
 */
struct rc_instrument {
    int64_t state;                    /* RC_UNSET, RC_ACTIVE, RC_CLOSE_ONLY or RC_DOWN */
    int64_t kind;                     /* RC_SPOT, RC_LINEAR or RC_INVERSE */
    int64_t venue;                    /* index */
    int64_t currency;                 /* settlement currency */
    int64_t underlying;               /* group of instruments on one asset (index < instruments) */
    int64_t symbol_id;                /* opaque identifier of the caller */
    double contract_value;            /* linear and spot: per lot and tick; inverse: times tick
                                       * per lot [cash] */
    double initial_volatility;        /* 24 h volatility before the first samples [fraction] */
    double initial_margin;            /* of notional [fraction] */
    double maintenance_margin;        /* of notional [fraction] */
    double taker_fee;                 /* of notional, used in costs [fraction] */
    double exit_cost;                 /* half spread + slippage + fee of an exit, added to every
                                       * scenario loss [fraction] */
    double min_notional;              /* the venue's minimum [money] */
    double max_order_notional;        /* limit [money] */
    double max_position_notional;     /* limit [money] */
    int64_t max_order_lots;           /* limit [lots] */
    int64_t max_position_lots;        /* limit, working orders included [lots] */
    int64_t min_lots;                 /* the venue's minimum [lots] */
    int64_t lot_step;                 /* orders are multiples of it [lots] */
    int64_t tick_step;                /* prices are multiples of it [ticks] */
    int64_t min_price_ticks;          /* the venue's band [ticks] */
    int64_t max_price_ticks;          /* the venue's band [ticks] */
    int64_t shorting_allowed;         /* 1 where the position may be negative */
    int64_t expiry_ns;                /* 0 for none; RC_CLOSE_ONLY from here on [ns] */
};
typedef struct rc_instrument rc_instrument;

/* A venue: input of rc_venue_set and element of state.venues. You give the state, the message
 * buckets and windows, and reject_decay; the rest is kept by the library. Buckets: every message
 * moves the arrival time by message_interval_ns, and is refused while that is more than
 * message_burst_ns ahead.
 */
struct rc_venue {
    int64_t state;                    /* RC_UNSET, RC_ACTIVE, RC_CLOSE_ONLY or RC_DOWN */
    int64_t message_interval_ns;      /* sustained time per message [ns] */
    int64_t message_burst_ns;         /* burst tolerated above that [ns] */
    int64_t message_reserve_ns;       /* part of the burst kept for exits [ns] */
    int64_t message_arrival_ns;       /* theoretical arrival time of the bucket [ns] */
    int64_t window_ns;                /* fixed window of the venue; 0 for none [ns] */
    int64_t window_limit;             /* messages (weights) a window allows */
    int64_t window_reserve;           /* part of that kept for exits */
    int64_t window_start_ns;          /* start of the current window [ns] */
    int64_t window_used;              /* weights used in it */
    int64_t heartbeat_ns;             /* last sign of life; 0 for none yet [ns] */
    int64_t messages_day;             /* messages of the UTC day: orders, replaces, cancels */
    int64_t fills_day;                /* fills of the UTC day */
    double reject_rate;               /* smoothed share of rejected orders [fraction] */
    double reject_decay;              /* weight kept by the old value at each answer [fraction] */
    double cash;                      /* balances at the venue at their rates [money] */
    double equity;                    /* cash + unrealised P&L of its derivatives [money] */
    double gross;                     /* cached sum of gross positions [money] */
    double margin;                    /* cached sum of initial margins [money] */
    double maintenance;               /* cached sum of maintenance margins [money] */
    int64_t messages;                 /* since the start */
    int64_t rejects;                  /* since the start */
    int64_t padding[2];               /* to a whole cache line */
};
typedef struct rc_venue rc_venue;

/* A currency: input of rc_currency_set and element of state.currencies. You give state, is_account,
 * instrument and shock; the rate comes with rc_on_rate.
 */
struct rc_currency {
    int64_t state;                    /* RC_UNSET or RC_ACTIVE */
    int64_t is_account;               /* 1 for the account currency */
    double rate;                      /* account currency per unit; 0 until known [money] */
    int64_t rate_time_ns;             /* time of the rate [ns] */
    int64_t instrument;               /* index + 1 of the instrument whose moves are this
                                       * currency's; 0 for none */
    double shock;                     /* loss of value in every scenario where no instrument is
                                       * linked [fraction] */
    double balance;                   /* sum over venues [cash] */
    double unrealized;                /* cached unrealised P&L of the derivatives settled in it
                                       * [cash] */
};
typedef struct rc_currency rc_currency;

/* A strategy: input of rc_strategy_set and element of state.strategies. You give state,
 * regime_mask, the limits, the order rate, and win_probability and payoff where a record is known;
 * the rest is kept by the library.
 */
struct rc_strategy {
    int64_t state;                    /* RC_UNSET, RC_ACTIVE or RC_DISABLED */
    int64_t regime_mask;              /* regimes in which it may open */
    double budget;                    /* largest gross position [share] */
    double max_drawdown;              /* of its P&L from its own peak [share] */
    double max_daily_loss;            /* of its P&L since the start of the UTC day [share] */
    int64_t order_interval_ns;        /* sustained time per order [ns] */
    int64_t order_burst_ns;           /* burst tolerated above that [ns] */
    int64_t order_arrival_ns;         /* theoretical arrival time of the bucket [ns] */
    int64_t last_client_id;           /* highest client order identifier so far */
    double gross;                     /* cached sum of its gross positions [money] */
    double pnl;                       /* realised - fees + funding + unrealised [money] */
    double realized;                  /* realised - fees + funding [money] */
    double unrealized;                /* cached sum over its holdings [money] */
    double high_water_mark;           /* highest pnl so far [money] */
    double day_start_pnl;             /* pnl at the start of the UTC day [money] */
    double performance;               /* smoothed return on equity per closed trade [fraction] */
    int64_t trades;                   /* closed trades */
    int64_t winning_trades;           /* with positive P&L */
    int64_t probation;                /* 1 below the performance floor */
    int64_t orders;                   /* orders asked for */
    double win_probability;           /* of its record, for sizing; 0 until fed [fraction] */
    double payoff;                    /* average win / average loss, for sizing; 0 until fed
                                       * [fraction] */
    int64_t padding[2];               /* to a whole cache line */
};
typedef struct rc_strategy rc_strategy;

/* A stress scenario: input of rc_scenario_set and element of state.scenarios. You give enabled,
 * horizon_ns and scenario_id; the moves are arguments of their own.
 */
struct rc_scenario {
    int64_t enabled;                  /* 1 where it counts */
    int64_t in_budget;                /* derived: horizon at least decision interval + execution
                                       * latency */
    int64_t horizon_ns;               /* time over which the move happens [ns] */
    int64_t scenario_id;              /* opaque identifier of the caller */
    double currency_loss;             /* the currencies' part of its loss [money] */
    int64_t padding[3];               /* to a whole cache line */
};
typedef struct rc_scenario rc_scenario;

/* Loss fractions of one instrument in every scenario, derived from the moves: element of
 * state.shocks.
 */
struct rc_shocks {
    double down[RC_SCENARIOS];        /* loss fraction of a long, exit cost included [fraction] */
    double up[RC_SCENARIOS];          /* loss fraction of a short, exit cost included [fraction] */
    double loss[RC_SCENARIOS];        /* cached loss of the position, working orders included
                                       * [money] */
};
typedef struct rc_shocks rc_shocks;

/* The head of a journal; capacity records of rc_journal_record follow it in memory. The writer
 * alone moves committed and applied. The drainer, who keeps the records elsewhere, moves drained
 * when they are safe, with a release store (__atomic_store_n); what is not drained is never
 * overwritten. parameters is a copy of the control page's last block.
 */
struct rc_journal {
    int64_t magic;                    /* RC_MAGIC */
    int64_t abi_version;              /* RC_ABI_VERSION of the code that made it */
    int64_t layout_hash;              /* of the state whose events it keeps */
    int64_t size_bytes;               /* of this record; the ring of records follows it [bytes] */
    int64_t capacity;                 /* records in the ring, a power of two */
    int64_t reserve;                  /* records kept for facts, cancels and control when the
                                       * rest is used up; half of them for exits too */
    int64_t publish_interval;         /* records between two copies to the published page; 0: at
                                       * samples only */
    int64_t publish_next;             /* sequence from which the next copy is due */
    int64_t committed;                /* sequence of the last record that is whole */
    int64_t applied;                  /* sequence of the last record whose event is in the state */
    int64_t lost;                     /* facts applied for which there was no room: the journal
                                       * no longer tells all */
    int64_t refused;                  /* events refused for want of room */
    int64_t request_seen;             /* number of the control page's last request that was taken */
    int64_t request_status;           /* status of it */
    int64_t parameters_seen;          /* number of the control page's last parameters that were
                                       * taken */
    int64_t parameters_status;        /* status of them */
    int64_t heartbeat_seen_ns;        /* the control page's last heartbeat that was taken [ns] */
    int64_t kill_seen;                /* the control page's number of kills that was taken */
    int64_t lost_applied;             /* of the lost facts, those that are in the state: less
                                       * only within a call */
    int64_t spare[5];                 /* zero; what the drainer writes starts on a cache line */
    int64_t drained;                  /* sequence of the last record that is kept elsewhere;
                                       * those up to it are overwritten */
    int64_t spare_2[7];               /* zero */
    int64_t draft[1024];              /* the next published page as it is made; room for that of
                                       * any shape */
    struct rc_parameters parameters;
};
typedef struct rc_journal rc_journal;

/* One record of the journal: sequence, checksum, and an event from kind on. What is at or below
 * rc_journal.committed (read it with an acquire load) is whole. The record of a sequence is
 * ring[(sequence - 1) & (capacity - 1)]. An entry of several records has their number in parts of
 * the first; each of the others has 0 there, and RC_EVENT_WORDS words of the payload, or one leg of
 * a batch, from kind on.
 */
struct rc_journal_record {
    int64_t sequence;                 /* 1 for the first record of an account, then one by one */
    int64_t checksum;                 /* of all other words */
    int64_t parts;                    /* records of this entry, this one included; 0 where it
                                       * continues another */
    int64_t kind;                     /* RC_EVENT_* */
    int64_t time_ns;                  /* time of the writer [ns] */
    int64_t venue_time_ns;            /* the venue's own time, informational [ns] */
    int64_t id;                       /* client order, execution or venue order identifier */
    int64_t handle;                   /* order handle, 0 for none */
    int64_t instrument;               /* index */
    int64_t strategy;                 /* index */
    int64_t venue;                    /* index */
    int64_t currency;                 /* index */
    int64_t side;                     /* RC_BUY or RC_SELL */
    int64_t type;                     /* order type */
    int64_t time_in_force;            /* RC_GTC, RC_IOC or RC_FOK */
    int64_t order_flags;              /* order flags */
    int64_t code;                     /* control code, error code, venue order state */
    int64_t lots;                     /* quantity; bid size of a quote [lots] */
    int64_t price_ticks;              /* price; bid of a quote [ticks] */
    int64_t lots_2;                   /* ask size of a quote; new lots of a replace [lots] */
    int64_t price_ticks_2;            /* ask of a quote; stop trigger of an order [ticks] */
    double value;                     /* fee, rate, amount, latency, probability */
    double value_2;                   /* second value where a kind has one */
    double confidence;                /* of an order [fraction] */
};
typedef struct rc_journal_record rc_journal_record;

/* The page by which others steer: a small memory that other processes may write, apart from the
 * state. Change it with the rc_control_* functions below, never by hand.
 */
struct rc_control_page {
    int64_t magic;                    /* RC_MAGIC */
    int64_t abi_version;              /* RC_ABI_VERSION of the code that made it */
    int64_t layout_hash;              /* of the state it steers */
    int64_t size_bytes;               /* of this record [bytes] */
    int64_t spare[4];                 /* zero */
    int64_t kill;                     /* how often the kill switch was pulled; the next entry
                                       * pulls it when this has moved */
    int64_t kill_author;              /* who wants it */
    int64_t request;                  /* number of the last request; odd while it is being
                                       * written */
    int64_t parameters_sequence;      /* number of the last parameters; odd while they are being
                                       * written */
    int64_t heartbeat_ns;             /* last sign of life of the monitor [ns] */
    int64_t spare_2[3];               /* zero */
    int64_t request_code;             /* RC_CONTROL_* */
    int64_t request_target;           /* instrument, venue or strategy; resetting a kill: the
                                       * number of kills it is for */
    int64_t request_value;            /* new state */
    int64_t request_author;           /* named person */
    int64_t spare_3[4];               /* zero */
    struct rc_parameters parameters;
};
typedef struct rc_control_page rc_control_page;

/* The page by which others look: figures, limits used, latches and positions as of one moment. Take
 * a copy with rc_page_read; sequence is odd while the writer is writing.
 */
struct rc_published_page {
    int64_t magic;                    /* RC_MAGIC */
    int64_t abi_version;              /* RC_ABI_VERSION of the code that made it */
    int64_t layout_hash;              /* of the state it tells about */
    int64_t size_bytes;               /* of this record [bytes] */
    int64_t spare[4];                 /* zero */
    int64_t sequence;                 /* odd while it is being written */
    int64_t spare_2[7];               /* zero */
    int64_t event_count;              /* valid events applied */
    int64_t last_time_ns;             /* of the state [ns] */
    int64_t sample_count;             /* sampling intervals closed */
    int64_t journal_sequence;         /* last record in the state */
    int64_t journal_lost;             /* facts without a record */
    int64_t journal_refused;          /* events refused for want of room */
    int64_t parameters_version;       /* of the limits in force */
    int64_t parameters_author;        /* who set them */
    int64_t parameters_seen;          /* number of the control page's parameters taken last */
    int64_t parameters_status;        /* status of them */
    int64_t request_seen;             /* number of the control page's request taken last */
    int64_t request_status;           /* status of it */
    int64_t kill;                     /* 1 after the kill switch */
    int64_t state;                    /* RC_NORMAL, RC_ACCOUNT_REDUCE_ONLY or RC_CANCEL_ONLY */
    int64_t latches;                  /* RC_LATCH_* of the account */
    int64_t unknown_orders;           /* orders of unknown fate */
    double high_water_mark;           /* highest equity [money] */
    double max_drawdown_seen;         /* largest drawdown so far [fraction] */
    double realized_pnl;              /* since the start, before fees [money] */
    double fees;                      /* since the start [money] */
    double funding;                   /* since the start [money] */
    double turnover_day;              /* filled notional of the UTC day [money] */
    int64_t cooldown_until_ns;        /* nothing is opened before [ns] */
    int64_t regime;                   /* index of the decided regime */
    int64_t regime_since_ns;          /* time of its last change [ns] */
    double latency_ewma_ns;           /* smoothed processing latency [ns] */
    int64_t latency_max_ns;           /* largest since the start [ns] */
    int64_t errors;                   /* reported since the start */
    int64_t last_quote_ns;            /* time of the last good quote [ns] */
    int64_t monitor_heartbeat_ns;     /* last word of the monitor [ns] */
    double gross_leverage_used;       /* of the limit; 0 without a limit [fraction] */
    double net_leverage_used;         /* of the limit [fraction] */
    double value_at_risk_used;        /* of the limit, working orders included [fraction] */
    double expected_shortfall_used;   /* of the limit, working orders included [fraction] */
    double stop_loss_used;            /* of max_portfolio_risk [fraction] */
    double herfindahl_used;           /* of the limit [fraction] */
    double weight_used;               /* of the limit [fraction] */
    double cluster_used;              /* of max_correlation_risk [fraction] */
    double stress_used;               /* of the limit [fraction] */
    double drawdown_used;             /* of the limit [fraction] */
    double daily_loss_used;           /* of the limit [fraction] */
    double turnover_used;             /* of the limit [fraction] */
    double open_orders_used;          /* of the limit [fraction] */
    int64_t position_total;           /* instruments with a position, working orders or a latch */
    int64_t position_count;           /* of them, rows below that are filled */
    int64_t position_instrument[64];  /* index */
    int64_t position_lots[64];        /* filled, signed [lots] */
    double position_value[64];        /* signed, at the mark [money] */
    double position_gross[64];        /* the larger end, working orders included [money] */
    double position_var[64];          /* standalone VaR of that [money] */
    double position_pnl[64];          /* unrealised [cash] */
    double position_stop[64];         /* current stop; 0 for none [ticks] */
    int64_t position_latches[64];     /* RC_LATCH_* of the instrument */
    int64_t decisions[4];             /* decisions by action */
    int64_t reasons[128];             /* objections by check number */
    int64_t events[32];               /* valid events by kind */
    double regime_probability[RC_REGIMES];  /* filtered probabilities [fraction] */
    int64_t venue_state[RC_VENUES];   /* as in the state */
    double venue_gross[RC_VENUES];    /* gross positions [money] */
    int64_t strategy_state[RC_STRATEGIES];  /* as in the state */
    double strategy_pnl[RC_STRATEGIES];  /* since the start [money] */
    double equity;                    /* now [money] */
    double gross_leverage;            /* gross / equity [fraction] */
    double net_leverage;              /* net / equity [fraction] */
    double volatility;                /* 24 h standard deviation of the filled portfolio [money] */
    double value_at_risk;             /* VaR 95 %, filled positions [money] */
    double value_at_risk_working;     /* with every working order at its worst [money] */
    double expected_shortfall;        /* ES 95 %, filled positions [money] */
    double expected_shortfall_working;  /* with every working order at its worst [money] */
    double herfindahl;                /* sum of squared weights [fraction] */
    double largest_weight;            /* largest exposure to one underlying / equity [fraction] */
    double cluster_risk;              /* largest cluster [money] */
    double stop_loss;                 /* sum of losses at stops [money] */
    double stress_loss;               /* worst scenario [money] */
    int64_t stress_scenario;          /* its index, -1 for none */
    double drawdown;                  /* from the high-water mark [fraction] */
    double daily_loss;                /* since the start of the day, never negative [fraction] */
    double budget;                    /* drawdown budget [money] */
    double cushion;                   /* budget / equity [fraction] */
    double free_margin;               /* equity of all venues less initial margins [money] */
    int64_t open_orders;              /* working */
    int64_t padding[7];               /* to a whole cache line */
};
typedef struct rc_published_page rc_published_page;

/* What rc_submit_set journals: the record of the kind of entry copied to the front of words, and a
 * scenario's moves. Scratch memory of rc_replay.
 */
struct rc_payload {
    int64_t words[128];               /* a record of parameters, instrument, venue, currency,
                                       * strategy or scenario */
    double down[RC_INSTRUMENTS];      /* of a scenario [fraction] */
    double up[RC_INSTRUMENTS];        /* of a scenario [fraction] */
};
typedef struct rc_payload rc_payload;

/* The head of a checkpoint in a file: which journal record the state behind it has seen. Its
 * checksum: put rc_checksum over the state's words there, then rc_checksum over the head's.
 */
struct rc_checkpoint_header {
    int64_t magic;                    /* RC_MAGIC */
    int64_t abi_version;              /* RC_ABI_VERSION of the code that made it */
    int64_t layout_hash;              /* of the state */
    int64_t size_bytes;               /* of the state, which follows [bytes] */
    int64_t sequence;                 /* last journal record that is in the state */
    int64_t checksum;                 /* of these words, with the checksum of the state's in this
                                       * place */
    int64_t event_count;              /* of the state */
    int64_t last_time_ns;             /* of the state [ns] */
};
typedef struct rc_checkpoint_header rc_checkpoint_header;

/* ================================================================================================
 * The buffer, block by block
 * ================================================================================================ */

/* The rest of the buffer. Read what you like, from the writer's thread or in a copy:
 * state->account.equity, state->positions[i].net_lots, state->holdings[strategy][i].lots. Write
 * nothing: sums are cached all over the buffer, and every member depends on others. Blocks that are
 * records as well (parameters, instruments, venues, currencies, strategies, scenarios, shocks) are
 * described above.
 */

/* Identity, shape and clock. The first members tell whether the buffer is ours; loops run to the
 * counts.
 */
struct rc_header {
    int64_t magic;                    /* RC_MAGIC, or the buffer is not ours */
    int64_t abi_version;              /* RC_ABI_VERSION of the code that made it */
    int64_t layout_hash;              /* hash of this table and the shape */
    int64_t size_bytes;               /* size of the whole block [bytes] */
    int64_t instruments;              /* shape */
    int64_t strategies;               /* shape */
    int64_t venues;                   /* shape */
    int64_t currencies;               /* shape */
    int64_t regimes;                  /* shape */
    int64_t window;                   /* shape */
    int64_t scenarios;                /* shape */
    int64_t orders;                   /* shape */
    int64_t event_count;              /* valid events applied so far */
    int64_t last_time_ns;             /* latest time seen; time never runs backwards in here [ns] */
    int64_t instrument_count;         /* instruments 0 .. count-1 have been set; loops stop there */
    int64_t strategy_count;           /* strategies 0 .. count-1 have been set */
    int64_t venue_count;              /* venues 0 .. count-1 have been set */
    int64_t currency_count;           /* currencies 0 .. count-1 have been set */
    int64_t scenario_count;           /* scenarios 0 .. count-1 have been set */
    int64_t account_currency;         /* index of the account currency */
    int64_t sample_count;             /* sampling intervals closed so far */
    int64_t day;                      /* days since 1970-01-01 UTC of the last event [days] */
    int64_t padding[2];               /* to a whole cache line */
};
typedef struct rc_header rc_header;

/* Equity, drawdown, and the cached sums that the gate compares with the limits. budget is what may
 * still be lost before the drawdown limit is reached.
 */
struct rc_account {
    double equity;                    /* balances + spot holdings + unrealised P&L [money] */
    double cash;                      /* sum of balances at their rates [money] */
    double holdings_value;            /* sum of the equity contributions of all positions [money] */
    double high_water_mark;           /* highest equity less fill_excess so far, moved by
                                       * transfers in proportion [money] */
    double drawdown;                  /* 1 - equity / high_water_mark, never negative [fraction] */
    double max_drawdown_seen;         /* largest drawdown so far [fraction] */
    double budget;                    /* equity - high_water_mark x (1 - max_drawdown): what may
                                       * still be lost [money] */
    double day_start_equity;          /* equity at the start of the UTC day, moved by transfers
                                       * [money] */
    double gross;                     /* sum of position gross contributions and linked balances
                                       * [money] */
    double net_long;                  /* sum of signed values if every working buy fills [money] */
    double net_short;                 /* sum of signed values if every working sell fills [money] */
    double stop_loss;                 /* sum of losses at the stops [money] */
    double herfindahl;                /* sum of squared gross contributions [money^2] */
    double working_sigma;             /* sum over working orders of |value| x 24 h volatility
                                       * [money] */
    double working_notional;          /* sum over working orders of |value| [money] */
    double variance;                  /* variance per sample of the filled portfolio [money^2] */
    double turnover_day;              /* filled notional of the UTC day [money] */
    double realized_pnl;              /* sum since the start, before fees [money] */
    double fees;                      /* sum since the start [money] */
    double funding;                   /* sum since the start, positive when received [money] */
    double transfers;                 /* sum since the start [money] */
    double settlements;               /* sum since the start [money] */
    double breaks;                    /* sum of absolute differences booked by reconciliation
                                       * [money] */
    double currency_exposure;         /* sum of |value| of balances not in account currency and
                                       * not linked [money] */
    int64_t open_orders;              /* occupied order slots */
    int64_t losing_streak;            /* losing round trips in a row */
    int64_t cooldown_until_ns;        /* nothing is opened before [ns] */
    int64_t latches;                  /* RC_LATCH_* that hold the account in reduce-only */
    int64_t state;                    /* RC_NORMAL, RC_ACCOUNT_REDUCE_ONLY or RC_CANCEL_ONLY */
    int64_t break_count;              /* reconciliation differences booked */
    int64_t duplicate_fills;          /* proven repeats ignored */
    int64_t round_trips;              /* positions opened and closed */
    int64_t winning_trips;            /* round trips with positive P&L after fees */
    double fill_excess;               /* sum of the losses if every order through the mark fills
                                       * at its own price [money] */
    int64_t padding[6];               /* to a whole cache line */
};
typedef struct rc_account rc_account;

/* The current market regime and what follows from it; rc_on_regime sets it. */
struct rc_regime {
    int64_t current;                  /* index of the decided regime */
    int64_t since_ns;                 /* time of the last change [ns] */
    double risk_multiplier;           /* max(1, multiplier of the current regime): what the gate
                                       * uses [fraction] */
    double size_multiplier;           /* of the current regime [fraction] */
    double confidence_threshold;      /* of the current regime [fraction] */
    double stop_multiplier;           /* of the current regime [fraction] */
    double probability[RC_REGIMES];   /* filtered probabilities, neutral until a filter feeds
                                       * them [fraction] */
    int64_t padding[6];               /* to a whole cache line */
};
typedef struct rc_regime rc_regime;

/* Kill switch, latency, errors, signs of life, and the lists of order slots. */
struct rc_system {
    int64_t kill;                     /* 1 after the kill switch: cancels only */
    int64_t kill_author;              /* who pulled it */
    double latency_ewma_ns;           /* smoothed processing latency [ns] */
    int64_t latency_max_ns;           /* largest since the start [ns] */
    int64_t error_arrival_ns;         /* theoretical arrival time of the error bucket [ns] */
    int64_t errors;                   /* errors reported since the start */
    int64_t last_quote_ns;            /* time of the last good quote of any instrument [ns] */
    int64_t same_time_events;         /* events in a row without the time moving */
    int64_t monitor_heartbeat_ns;     /* last word of the monitor [ns] */
    int64_t free_head;                /* first free order slot + 1; 0 when the table is full */
    int64_t pending_head;             /* oldest unacknowledged order slot + 1 */
    int64_t pending_tail;             /* newest unacknowledged order slot + 1 */
    int64_t unknown_orders;           /* orders of unknown fate */
    int64_t next_sequence;            /* orders accepted so far */
    int64_t canary;                   /* RC_MAGIC: an overrun in front of it shows */
    int64_t padding[1];               /* to a whole cache line */
};
typedef struct rc_system rc_system;

/* Book, mark, traded liquidity and the range of the mark, one per instrument. value_per_lot turns
 * lots into money.
 */
struct rc_market {
    double mark;                      /* mid of the last good book (or the first fill or trade
                                       * where no book was seen) [ticks] */
    double value_per_lot;             /* |value| of one lot at the mark [money] */
    int64_t mark_set;                 /* 1 once a mark exists */
    int64_t quote_state;              /* RC_QUOTE_* */
    int64_t quote_time_ns;            /* its own time of the last quote that came, good or not
                                       * [ns] */
    int64_t bid_ticks;                /* best bid of the last quote [ticks] */
    int64_t ask_ticks;                /* best ask of the last quote [ticks] */
    int64_t bid_lots;                 /* size there [lots] */
    int64_t ask_lots;                 /* size there [lots] */
    int64_t trade_ticks;              /* last trade [ticks] */
    int64_t trade_time_ns;            /* time of the last trade [ns] */
    int64_t traded_bucket_ns;         /* start of the current liquidity bucket [ns] */
    double traded_lots;               /* traded in the current bucket [lots] */
    double traded_lots_before;        /* traded in the bucket before [lots] */
    int64_t flash_bucket_ns;          /* start of the current flash bucket [ns] */
    double flash_low;                 /* lowest mark of the current bucket [ticks] */
    double flash_high;                /* highest mark of the current bucket [ticks] */
    double flash_low_before;          /* of the bucket before [ticks] */
    double flash_high_before;         /* of the bucket before [ticks] */
    int64_t bad_quotes;               /* crossed, one-sided or empty quotes so far */
    int64_t good_quote_ns;            /* the account's time when the last good quote came [ns] */
    int64_t padding[3];               /* to a whole cache line */
};
typedef struct rc_market rc_market;

/* Forecast variance and stop distance, one per instrument; moves at each sample. */
struct rc_volatility {
    double variance;                  /* EWMA variance per sample [fraction^2] */
    double volatility;                /* sqrt(variance x samples_per_day): 24 h standard
                                       * deviation [fraction] */
    double sample_mark;               /* mark at the last sample [ticks] */
    int64_t sample_set;               /* 1 once sample_mark exists */
    int64_t sample_count;             /* returns seen */
    int64_t missing_count;            /* samples without a fresh quote */
    double last_return;               /* of the last sample [fraction] */
    double stop_distance;             /* model stop distance from the mark [fraction] */
    int64_t sample_quote_ns;          /* time of the last good quote at the last sample [ns] */
    int64_t padding[7];               /* to a whole cache line */
};
typedef struct rc_volatility rc_volatility;

/* One per instrument: what is held, what is working, what it cost, its P&L, and its contribution to
 * every sum. net_lots == bought_lots - sold_lots + adjusted_lots, always.
 */
struct rc_position {
    int64_t net_lots;                 /* filled position, signed [lots] */
    int64_t working_buy_lots;         /* reserved by working buys [lots] */
    int64_t working_sell_lots;        /* reserved by working sells [lots] */
    double gross;                     /* cached max(net + buys, -(net - sells)) x value_per_lot,
                                       * plus the linked balance [money] */
    double long_value;                /* cached (net + buys) x value_per_lot [money] */
    double short_value;               /* cached (net - sells) x value_per_lot [money] */
    double margin;                    /* cached initial margin of the gross position (spot: of
                                       * working buys) [money] */
    double maintenance;               /* cached maintenance margin [money] */
    double stop_loss;                 /* cached loss at the stop [money] */
    double value_at_risk;             /* cached gross x volatility x var_multiplier [money] */
    double stop_fraction_long;        /* loss fraction of a long at its stop, gap included
                                       * [fraction] */
    double stop_fraction_short;       /* the same for a short [fraction] */
    int64_t latches;                  /* RC_LATCH_* that hold the instrument in reduce-only */
    int64_t stop_breached;            /* 1 when the mark has passed the stop of the open position */
    int64_t unknown_orders;           /* orders of unknown fate */
    int64_t own_best_bid;             /* highest own working buy; 0 for none [ticks] */
    int64_t own_best_ask;             /* lowest own working sell; 0 for none [ticks] */
    int64_t buy_head;                 /* first working buy slot + 1 */
    int64_t sell_head;                /* first working sell slot + 1 */
    double linked_balance;            /* value of balances in a currency linked to this
                                       * instrument [money] */
    double cost;                      /* linear and spot: sum of lots x ticks; inverse: sum of
                                       * lots / ticks, signed like net_lots [cost] */
    double average_price;             /* of the open position; 0 when flat [ticks] */
    double unrealized_pnl;            /* of the open position, settlement currency [cash] */
    double equity_value;              /* contribution to equity: spot: net value; else unrealised
                                       * P&L at the rate [money] */
    double realized_pnl;              /* since the start, before fees [money] */
    double fees;                      /* since the start [money] */
    double funding;                   /* since the start [money] */
    double trip_pnl;                  /* realised after fees since the position was last flat
                                       * [money] */
    double stop_price;                /* current stop; 0 for none [ticks] */
    double target_price;              /* current take-profit; 0 for none [ticks] */
    int64_t execution_arrival_ns;     /* theoretical arrival time of the execution bucket [ns] */
    int64_t fill_count;               /* fills booked */
    int64_t open_order_count;         /* working orders */
    int64_t last_fill_ns;             /* time of the last fill [ns] */
    int64_t bought_lots;              /* sum of all buys booked [lots] */
    int64_t sold_lots;                /* sum of all sells booked [lots] */
    int64_t adjusted_lots;            /* sum of reconciliation, bust and settlement adjustments,
                                       * signed [lots] */
    double buy_excess;                /* cached loss if every working buy fills at the best own
                                       * bid, where above the mark [money] */
    double sell_excess;               /* cached loss if every working sell fills at the best own
                                       * ask, where below the mark [money] */
    double filled_value;              /* cached (net + buys - sells) x value_per_lot [money] */
};
typedef struct rc_position rc_position;

/* A strategy's share of a position: state->holdings[strategy][instrument]. Over all strategies the
 * lots add up to the position's.
 */
struct rc_holding {
    int64_t lots;                     /* filled, signed [lots] */
    int64_t working_buy_lots;         /* reserved [lots] */
    int64_t working_sell_lots;        /* reserved [lots] */
    double gross;                     /* cached max(lots + buys, -(lots - sells)) x value_per_lot
                                       * [money] */
    double cost;                      /* as in positions [cost] */
    double unrealized;                /* cached [money] */
    double realized;                  /* since the start, before fees [money] */
    int64_t open_ns;                  /* when it was last flat [ns] */
    double trip_pnl;                  /* realised after fees since it was last flat [money] */
    int64_t padding[7];               /* to a whole cache line */
};
typedef struct rc_holding rc_holding;

/* Cash: state->balances[venue][currency]. */
struct rc_balance {
    double amount;                    /* signed [cash] */
    double deposits;                  /* sum of transfers [cash] */
    double funding;                   /* sum of funding [cash] */
    double realized;                  /* sum of realised P&L and spot proceeds [cash] */
    double fees;                      /* sum of fees [cash] */
    double adjusted;                  /* sum of reconciliation and settlement amounts [cash] */
    int64_t padding[2];               /* to a whole cache line */
};
typedef struct rc_balance rc_balance;

/* The account's loss in each scenario: state->stress.loss[scenario], what each instrument loses at
 * its worse end and what foreign balances lose. The ceilings tell which of them count.
 */
struct rc_stress {
    double loss[RC_SCENARIOS];        /* cached sum over instruments of the larger loss at either
                                       * end, and currencies [money] */
    double ceiling[RC_SCENARIOS];     /* derived: what caps the loss that counts: none where
                                       * enabled, else 0 [money] */
    double budget_ceiling[RC_SCENARIOS];  /* derived: the same for the loss that the drawdown
                                           * budget must bear [money] */
};
typedef struct rc_stress rc_stress;

/* The EWMA covariance of all instruments, its product with the money weights, and the clusters of
 * correlated instruments. While pending is 1 a pass is under way: product and clusters are those of
 * the sample before.
 */
struct rc_covariance {
    int64_t pending;                  /* 1 while rows of the matrix pass remain */
    int64_t cursor;                   /* next row */
    int64_t passes;                   /* completed passes */
    int64_t cluster_count;            /* clusters found by the last completed pass */
    int64_t labelled;                 /* rows of the pass whose cluster is known */
    int64_t spare[3];                 /* zero; the vectors below start on a cache line */
    double weight[RC_INSTRUMENTS];    /* signed value of each filled position and linked balance
                                       * [money] */
    double product[RC_INSTRUMENTS];   /* covariance times weight, per sample [money] */
    double product_next[RC_INSTRUMENTS];  /* the product being accumulated [money] */
    double returns[RC_INSTRUMENTS];   /* returns of the sample being worked in [fraction] */
    int64_t cluster[RC_INSTRUMENTS];  /* cluster label of each instrument: the lowest index in it */
    int64_t cluster_next[RC_INSTRUMENTS];  /* labels being worked out */
    double cluster_risk[RC_INSTRUMENTS];  /* un-netted sum of standalone VaR by label [money] */
    double underlying_gross[RC_INSTRUMENTS];  /* un-netted gross by underlying [money] */
    double variance[RC_INSTRUMENTS];  /* the diagonal of the matrix, side by side [fraction^2] */
    double innovation[RC_INSTRUMENTS];  /* sqrt(1 - decay) x return, never quite zero [fraction] */
    int64_t frozen[RC_INSTRUMENTS];   /* 1 where the sample brought nothing: its variance does
                                       * not age */
    double ageing[2][RC_INSTRUMENTS];  /* factor of a row's elements: for rows that age, for
                                        * frozen rows [fraction] */
    int64_t neighbour[RC_INSTRUMENTS];  /* instrument whose cluster the last pass joined; tried
                                         * first by the next */
    double matrix[RC_INSTRUMENTS][RC_INSTRUMENTS];  /* EWMA covariance per sample [fraction^2] */
};
typedef struct rc_covariance rc_covariance;

/* The last returns: a ring of rows, head is the next to be written. */
struct rc_history {
    int64_t head;                     /* row of the next sample */
    int64_t rows;                     /* rows filled */
    double returns[RC_WINDOW][RC_INSTRUMENTS];  /* sampled returns, ring [fraction] */
    int64_t padding[6];               /* to a whole cache line */
};
typedef struct rc_history rc_history;

/* A slot of the table of working orders. The slot of a handle is handle & RC_HANDLE_SLOT_MASK, and
 * the handle is alive while its upper bits are the slot's generation.
 */
struct rc_order_slot {
    int64_t status;                   /* RC_ORDER_* */
    int64_t generation;               /* bumped when the slot is taken; part of the handle */
    int64_t client_id;                /* of the strategy */
    int64_t venue_order_id;           /* opaque; 0 until acknowledged */
    int64_t instrument;               /* index */
    int64_t strategy;                 /* index */
    int64_t side;                     /* RC_BUY or RC_SELL */
    int64_t type;                     /* RC_LIMIT, RC_MARKET or RC_STOP */
    int64_t order_flags;              /* RC_POST_ONLY, RC_REDUCE_ONLY */
    int64_t lots;                     /* order size [lots] */
    int64_t filled_lots;              /* filled so far [lots] */
    int64_t reserved_lots;            /* counted as working: leaves, or the larger leaves of a
                                       * pending replace [lots] */
    int64_t price_ticks;              /* limit price; market and stop: worst price at the collar
                                       * [ticks] */
    int64_t replace_lots;             /* requested total size of a pending replace [lots] */
    int64_t replace_ticks;            /* requested price of a pending replace [ticks] */
    int64_t sent_ns;                  /* time of the check or of the first request that is not
                                       * answered [ns] */
    int64_t next;                     /* list of the instrument's side, or the free list: slot +
                                       * 1 */
    int64_t previous;                 /* slot + 1 */
    int64_t pending_next;             /* list of unacknowledged orders: slot + 1 */
    int64_t pending_previous;         /* slot + 1 */
    int64_t in_pending;               /* 1 while in that list */
    int64_t time_in_force;            /* RC_GTC, RC_IOC or RC_FOK */
    int64_t sequence;                 /* order of acceptance */
    double confidence;                /* of the strategy when it asked; a replace is judged by it
                                       * [fraction] */
    int64_t acknowledged;             /* 1 after the venue's first answer */
    int64_t padding[7];               /* to a whole cache line */
};
typedef struct rc_order_slot rc_order_slot;

/* Recent executions, four ways a set, by which repeats and busts are recognised. */
struct rc_execution {
    int64_t execution_id;             /* 0 for an empty place */
    int64_t instrument;               /* index */
    int64_t venue;                    /* index */
    int64_t busted;                   /* 1 after its bust */
    int64_t cursor;                   /* first entry of a set: the way to overwrite next */
    int64_t booked;                   /* 1 after its fill; 0 where only the bust has come */
    int64_t side;                     /* RC_BUY or RC_SELL; both sides of a self-match carry one
                                       * identifier */
    int64_t padding[1];               /* to a whole cache line */
};
typedef struct rc_execution rc_execution;

/* Counts since the start: events by kind, decisions by action, objections by check. */
struct rc_counters {
    int64_t events[32];               /* valid events by kind */
    int64_t decisions[4];             /* decisions by action */
    int64_t reasons[128];             /* objections by check number */
    int64_t exits;                    /* decisions that allowed an exit */
    int64_t late_fills;               /* fills after the end of their order */
    int64_t unknown_fills;            /* fills without a known order, or of another strategy or
                                       * an unset fee currency */
    int64_t over_fills;               /* fills beyond the order's leaves */
    int64_t busts;                    /* executions taken back */
    int64_t clock_steps_back;         /* events older than the last */
    int64_t padding[6];               /* to a whole cache line */
};
typedef struct rc_counters rc_counters;

/* The whole buffer: one account. Its address is a multiple of RC_STATE_ALIGNMENT, its size
 * sizeof(struct rc_state) == RC_STATE_SIZE. It holds no pointer, so it may lie on the heap, in
 * static memory, in shared memory or in a mapped file, and be copied, sent and stored byte by byte.
 */
struct rc_state {
    RC_ALIGNAS(RC_STATE_ALIGNMENT) struct rc_header header;     /* identity, shape and clock */
    struct rc_parameters parameters;                            /* limits and model constants */
    struct rc_account account;                                  /* equity, drawdown and cached
                                                                 * sums */
    struct rc_regime regime;                                    /* probabilities and multipliers */
    struct rc_system system;                                    /* kill, latency, clock, lists */
    struct rc_instrument instruments[RC_INSTRUMENTS];           /* contract terms and limits */
    struct rc_market market[RC_INSTRUMENTS];                    /* book, mark, liquidity */
    struct rc_volatility volatility[RC_INSTRUMENTS];            /* EWMA variance and stops */
    struct rc_position positions[RC_INSTRUMENTS];               /* lots, cost, contributions */
    struct rc_venue venues[RC_VENUES];                          /* message buckets, margin */
    struct rc_currency currencies[RC_CURRENCIES];               /* rates */
    struct rc_strategy strategies[RC_STRATEGIES];               /* budgets and records */
    struct rc_holding holdings[RC_STRATEGIES][RC_INSTRUMENTS];  /* positions by strategy */
    struct rc_balance balances[RC_VENUES][RC_CURRENCIES];       /* cash */
    struct rc_scenario scenarios[RC_SCENARIOS];                 /* stress scenarios */
    struct rc_stress stress;                                    /* cached losses by scenario */
    struct rc_shocks shocks[RC_INSTRUMENTS];                    /* loss fractions by scenario */
    struct rc_covariance covariance;                            /* matrix, product, clusters */
    struct rc_history history;                                  /* sampled returns */
    struct rc_order_slot orders[RC_ORDERS];                     /* working orders */
    struct rc_execution executions[RC_ORDERS];                  /* recent execution identifiers */
    struct rc_counters counters;                                /* since the start */
};
typedef struct rc_state rc_state;

/* ================================================================================================
 * Life of a buffer
 * ================================================================================================ */

/* Memory is yours: allocate RC_STATE_SIZE bytes aligned to RC_STATE_ALIGNMENT (a static struct
 * rc_state, aligned_alloc, mmap), make an account of them, and free them when you like. The library
 * never allocates and keeps no pointer to what you pass. Touch the pages once before trading
 * (rc_state_init does); lock them if you cannot bear a page fault.
 *
 *   rc_state_size    bytes of one buffer
 *   rc_state_align   alignment of a buffer in bytes
 *   rc_layout_hash   hash of the layout and shape that the library was made for
 *   rc_state_init    clear the memory and make an empty account of it
 *   rc_state_attach  RC_OK where the memory holds an account of this build
 *   rc_checkpoint    copy the whole buffer; for the writer's thread
 */

/* Bytes of one buffer.
 *
 * For programs that load the library at run time; with this header it is RC_STATE_SIZE.
 *
 * Returns: the number of bytes, RC_STATE_SIZE of the header that belongs to the library.
 *
 * Cost: cold. Any thread.
 */
int64_t rc_state_size(void) RC_NOEXCEPT;

/* Alignment of a buffer in bytes.
 *
 * Returns: the number of bytes, RC_STATE_ALIGNMENT.
 *
 * Cost: cold. Any thread.
 */
int64_t rc_state_align(void) RC_NOEXCEPT;

/* Hash of the layout and shape that the library was made for.
 *
 * A library that is linked fits. One that is loaded at run time must be asked, before the first
 * rc_state_init, whether this is RC_LAYOUT_HASH: a library of a larger shape would write beyond the
 * end of a smaller struct rc_state.
 *
 * Returns: RC_LAYOUT_HASH of the header that belongs to the library.
 *
 * Cost: cold. Any thread.
 */
int64_t rc_layout_hash(void) RC_NOEXCEPT;

/* Clear the memory and make an empty account of it.
 *
 * Whatever was in the memory is gone. The account is empty and rejects every order until
 * parameters, an instrument and a strategy are set.
 *
 * Returns: RC_BAD_BUFFER where the address is null or not aligned, else RC_OK.
 *
 * Cost: cold, writes every byte. The writer's thread.
 */
int64_t rc_state_init(struct rc_state *state) RC_NOEXCEPT;

/* Is this memory an account that this library may go on with?
 *
 * For a buffer that comes from a file, from shared memory or from another program. Refused are
 * another magic number, ABI, layout hash, size or shape, and contents that no account can have: a
 * list that leaves its table, a parameter out of its domain. So a library that was emitted for
 * another shape never touches the buffer. Memory must hold at least RC_STATE_SIZE bytes; nothing is
 * written.
 *
 * Returns: RC_WRONG_MAGIC, RC_WRONG_ABI, RC_WRONG_SHAPE, RC_WRONG_SIZE, RC_WRONG_LAYOUT,
 * RC_BAD_BUFFER (damaged, null or not aligned) or RC_OK.
 *
 * Cost: cold, looks at every index once. Reads only: the writer's thread, or any thread on a copy.
 */
int64_t rc_state_attach(const struct rc_state *state) RC_NOEXCEPT;

/* Copy the whole buffer; for the writer's thread.
 *
 * The copy is an account of its own: attach it, store it, read it in another thread. memory holds
 * RC_STATE_SIZE bytes and does not overlap the buffer; align it to RC_STATE_ALIGNMENT where it will
 * be used in place.
 *
 * Returns: RC_OK.
 *
 * Cost: cold, copies RC_STATE_SIZE bytes. Reads only: the writer's thread, or any thread on a copy.
 */
int64_t rc_checkpoint(const struct rc_state *state, void *memory) RC_NOEXCEPT;

/* ================================================================================================
 * Configuration
 * ================================================================================================ */

/* Each is an event and carries a time. Order matters: parameters first, then venues, currencies
 * (the account's first), instruments, strategies, scenarios; each kind in the order of its indices,
 * without gaps. What is already running is kept when its configuration is set again, also while
 * trading.
 *
 *   rc_set_parameters  replace all limits
 *   rc_instrument_set  add, change, retire
 *   rc_venue_set       add or change a venue
 *   rc_currency_set    add or change a currency
 *   rc_strategy_set    add or change a strategy
 *   rc_scenario_set    add or change a stress scenario
 */

/* Replace the whole parameter block.
 *
 *   parameters  Derived fields are ignored. version is at least 1.
 *
 * All limits change at once and apply from the next order on, also to what is already there: a
 * position above a new limit stays, but may only shrink.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_PARAMETERS or RC_OK.
 *
 * Cost: cold, O(instruments x scenarios). The writer's thread.
 */
int64_t rc_set_parameters(struct rc_state *state, int64_t time_ns,
                          const struct rc_parameters *parameters) RC_NOEXCEPT;

/* Add an instrument (in index order), or change the limits and state of one.
 *
 * The kind, venue, currency, underlying and contract value of one that has traded, or that has
 * working orders, cannot change.
 *
 * To retire an instrument, set its state to RC_CLOSE_ONLY. Until a scenario gives its moves, a new
 * one is taken to lose everything in each: set the scenarios again after adding one.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_INSTRUMENT, RC_INVALID_VENUE,
 * RC_INVALID_CURRENCY, RC_INVALID_LOTS, RC_INVALID_PRICE, RC_INVALID_VALUE, RC_INVALID_CODE,
 * RC_INVALID_PARAMETERS (set those first) or RC_OK.
 *
 * Cost: cold, O(instruments x scenarios). The writer's thread.
 */
int64_t rc_instrument_set(struct rc_state *state, int64_t time_ns, int64_t index,
                          const struct rc_instrument *instrument) RC_NOEXCEPT;

/* Add a venue (in index order), or change its buckets and state.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_VENUE, RC_INVALID_VALUE, RC_INVALID_CODE or
 * RC_OK.
 *
 * Cost: cold. The writer's thread.
 */
int64_t rc_venue_set(struct rc_state *state, int64_t time_ns, int64_t index,
                     const struct rc_venue *venue) RC_NOEXCEPT;

/* Add a currency (in index order), or change its link and shock.
 *
 * Scenarios take both into the shocks of what is settled in it: set them again after a change. The
 * first currency set with is_account = 1 is the account currency for ever; its rate is 1. A
 * currency may link to an instrument once that instrument is set. Its balance weighs in VaR and ES
 * from then on, at the present mark, and no longer where it was linked before.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_INSTRUMENT, RC_INVALID_CURRENCY,
 * RC_INVALID_VALUE, RC_INVALID_CODE or RC_OK.
 *
 * Cost: cold, O(instruments x scenarios). The writer's thread.
 */
int64_t rc_currency_set(struct rc_state *state, int64_t time_ns, int64_t index,
                        const struct rc_currency *currency) RC_NOEXCEPT;

/* Add a strategy (in index order), or change its budget, limits, regimes and order rate.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_STRATEGY, RC_INVALID_VALUE, RC_INVALID_CODE
 * or RC_OK.
 *
 * Cost: cold. The writer's thread.
 */
int64_t rc_strategy_set(struct rc_state *state, int64_t time_ns, int64_t index,
                        const struct rc_strategy *strategy) RC_NOEXCEPT;

/* Add a stress scenario (in index order), or replace one.
 *
 *   scenario  enabled, horizon_ns and scenario_id are read.
 *   down, up  Sizes of the falling (0 to 1) and rising (0 to RC_MAX_SHARE) moves of each
 *             instrument.
 *
 * down and up have RC_INSTRUMENTS elements. The exit cost is added, inverse contracts are revalued
 * and foreign settlement is taken in by the library. Scenarios at least as long as decision
 * interval + execution latency enter the drawdown budget.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_VALUE, RC_INVALID_CODE or RC_OK.
 *
 * Cost: cold, O(instruments x scenarios). The writer's thread.
 */
int64_t rc_scenario_set(struct rc_state *state, int64_t time_ns, int64_t index,
                        const struct rc_scenario *scenario, const double *down, const double *up)
                        RC_NOEXCEPT;

/* ================================================================================================
 * Market and clock
 * ================================================================================================ */

/* What the markets do. Every quote and trade that you decide by should come through here first: the
 * gate judges by what it has seen.
 *
 *   rc_on_quote   best bid and ask
 *   rc_on_trade   a public trade
 *   rc_on_rate    account currency per unit of a currency
 *   rc_on_clock   time has passed without another event
 *   rc_on_sample  close a sampling interval
 *   rc_advance    work in rows of the covariance pass; RC_BUSY: more remain
 */

/* Take the best bid and ask of an instrument. Only a good book moves the mark.
 *
 * Orders of any instrument that got no answer in time are of unknown fate from here on.
 *
 *   time_ns               Of the writer. A late one, before the last event, moves the mark, and is
 *                         as old as it says.
 *   bid_ticks, ask_ticks  0 to RC_MAX_TICKS
 *   bid_lots, ask_lots    0 to RC_MAX_LOTS. A side without a price or without lots is missing.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_INSTRUMENT, RC_INVALID_LOTS, RC_INVALID_PRICE
 * or RC_OK.
 *
 * Cost: hot, O(strategies + scenarios). The writer's thread.
 */
int64_t rc_on_quote(struct rc_state *state, int64_t time_ns, int64_t instrument, int64_t bid_ticks,
                    int64_t bid_lots, int64_t ask_ticks, int64_t ask_lots) RC_NOEXCEPT;

/* Take a public trade: traded liquidity, and the first mark where no book was seen.
 *
 * Orders of any instrument that got no answer in time are of unknown fate from here on.
 *
 *   price_ticks  1 to RC_MAX_TICKS
 *   lots         1 to RC_MAX_LOTS
 *
 * Without trades in the liquidity window nothing opens (RC_TRADED_LIQUIDITY_EXCEEDED).
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_INSTRUMENT, RC_INVALID_LOTS, RC_INVALID_PRICE
 * or RC_OK.
 *
 * Cost: hot, O(1). The writer's thread.
 */
int64_t rc_on_trade(struct rc_state *state, int64_t time_ns, int64_t instrument,
                    int64_t price_ticks, int64_t lots) RC_NOEXCEPT;

/* Take the rate of a currency and revalue everything that depends on it.
 *
 * Weights of the covariance follow at the next sample, as they do for marks; only at the first
 * rate, before which nothing in the currency had a value, they follow at once. What appears then is
 * treated as a transfer, no profit; a debt that appears is a loss.
 *
 *   currency  Not the account currency: its rate is 1.
 *   rate      account currency per unit, 1e-12 to 1e12
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_CURRENCY, RC_INVALID_VALUE or RC_OK.
 *
 * Cost: cold, O(instruments x scenarios). The writer's thread.
 */
int64_t rc_on_rate(struct rc_state *state, int64_t time_ns, int64_t currency, double rate)
                   RC_NOEXCEPT;

/* Time has passed without another event: the day may roll, requests may go unanswered.
 *
 * Send it where no other event comes for a while, and before the first order of a UTC day.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME or RC_OK.
 *
 * Cost: hot, O(1). The writer's thread.
 */
int64_t rc_on_clock(struct rc_state *state, int64_t time_ns) RC_NOEXCEPT;

/* Close a sampling interval: O(instruments). Rows of the covariance follow by rc_advance.
 *
 * A pass that is still pending is completed first.
 *
 * Call it every sample_interval_ns, then rc_advance until it returns RC_OK.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_PARAMETERS (none were ever set) or RC_OK.
 *
 * Cost: hot, O(instruments x scenarios). The writer's thread.
 */
int64_t rc_on_sample(struct rc_state *state, int64_t time_ns) RC_NOEXCEPT;

/* Work in up to max_rows rows of the pass that the last sample began.
 *
 * An event without a time: it moves no clock. With no pass pending nothing changes.
 *
 *   max_rows  At least 1. Rows cost about the same, so a slice of a fixed size takes a fixed time:
 *             fewer are worked in where clusters join. With all rows or more the pass is completed
 *             at once.
 *
 * Cut the pass as finely as your slack between events allows; the result does not depend on it. The
 * gate keeps answering meanwhile.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_VALUE, RC_BUSY (rows remain) or RC_OK (the pass is complete).
 *
 * Cost: hot, O(max_rows x instruments). The writer's thread.
 */
int64_t rc_advance(struct rc_state *state, int64_t max_rows) RC_NOEXCEPT;

/* ================================================================================================
 * Orders
 * ================================================================================================ */

/* An order's life: ask (rc_check), send what was allowed, report what the venue says. The allowed
 * lots count as exposure from the moment of the answer, so a burst of orders cannot pass a limit
 * together. An order that the venue does not answer in time is of unknown fate and keeps its
 * reservation until rc_on_order_status or a late answer resolves it. If you decide not to send an
 * order after all, report rc_on_reject.
 *
 *   rc_check             may this order go? reserves its exposure; returns the action
 *   rc_what_if           the same answer without any effect
 *   rc_check_batch       all legs or none; returns the action of the group
 *   rc_cancel            a cancel is being sent
 *   rc_replace           may this replace go? returns the action
 *   rc_on_ack            the venue took the order
 *   rc_on_reject         the venue refused the order
 *   rc_on_canceled       the order is cancelled
 *   rc_on_cancel_reject  the venue refused the cancel
 *   rc_on_replaced       the order was replaced
 *   rc_on_expire         the order has expired
 */

/* Judge an order and reserve what is allowed of it.
 *
 *   decision  status other than RC_OK: the order was no valid event and nothing changed.
 *
 * All seven layers are evaluated: reasons holds every objection, not only the first. An order that
 * is rejected is an event as well: it moves time, counters and the strategy's order rate. An exit,
 * what only reduces the position, is stopped only by what makes it wrong or unsendable.
 *
 * Returns: action: RC_REJECT (0), RC_RESIZE or RC_APPROVE. The order may leave with decision.lots
 * lots, under decision.handle.
 *
 * Cost: hot, O(scenarios); well under a microsecond. The writer's thread.
 */
int64_t rc_check(struct rc_state *state, const struct rc_order *order, struct rc_decision *decision)
                 RC_NOEXCEPT;

/* The decision that rc_check would give now; not one byte of the state changes.
 *
 * Reserves nothing, so two answers do not know of each other.
 *
 * Returns: the action, as rc_check would.
 *
 * Cost: hot, O(scenarios). Reads only: the writer's thread, or any thread on a copy.
 */
int64_t rc_what_if(const struct rc_state *state, const struct rc_order *order,
                   struct rc_decision *decision) RC_NOEXCEPT;

/* Judge legs one after the other; either all are approved whole or none is.
 *
 *   count  1 to 64.
 *
 * Each leg is judged with those before it reserved. Where the group is rejected the legs that had
 * passed carry RC_BATCH_LEG_REJECTED, and nothing stays reserved; the messages stay counted.
 *
 * Returns: RC_APPROVE or RC_REJECT. One invalid leg makes the batch no event, and so does a count
 * out of range: nothing changes. Of more than 64 legs the first 64 get a decision,
 * RC_INVALID_VALUE.
 *
 * Cost: hot, O(count x scenarios). The writer's thread.
 */
int64_t rc_check_batch(struct rc_state *state, const struct rc_order *orders,
                       struct rc_decision *decisions, int64_t count) RC_NOEXCEPT;

/* Send a cancel: allowed for every live order, also under kill and with the bucket overdrawn.
 *
 * Call it before you send the cancel. The reservation stays until the venue confirms.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_HANDLE (nothing changed) or RC_OK.
 *
 * Cost: hot, O(1). The writer's thread.
 */
int64_t rc_cancel(struct rc_state *state, int64_t time_ns, int64_t handle) RC_NOEXCEPT;

/* Judge a change of a working limit order; reserve the larger of old and new until answered.
 *
 *   handle  Of a working limit order.
 *   lots    New total size, more than what has filled.
 *
 * Send the replace on RC_APPROVE only. There is no RC_RESIZE: on RC_REJECT the order works on as it
 * was.
 *
 * Returns: RC_APPROVE or RC_REJECT. A change that only reduces passes as an exit does; any other
 * must pass whole, as a new order with the old reservation taken out.
 *
 * Cost: hot, O(scenarios). The writer's thread.
 */
int64_t rc_replace(struct rc_state *state, int64_t time_ns, int64_t handle, int64_t lots,
                   int64_t price_ticks, struct rc_decision *decision) RC_NOEXCEPT;

/* The venue has accepted an order. Requests sent since then keep waiting, from now on.
 *
 * An order of unknown fate works again, also by a repeat, which else changes only the time.
 *
 *   venue_order_id  Opaque, 0 to RC_MAX_IDENTIFIER.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_HANDLE, RC_INVALID_IDENTIFIER (nothing
 * changed) or RC_OK.
 *
 * Cost: hot, O(1). The writer's thread.
 */
int64_t rc_on_ack(struct rc_state *state, int64_t time_ns, int64_t handle, int64_t venue_order_id)
                  RC_NOEXCEPT;

/* The venue has refused an order, which is released; where a replace waits, only that is over.
 *
 * A replace can only have been asked of an order that works: no refusal of it releases the order,
 * whatever has been asked or has become of it since. A cancel in flight keeps waiting.
 *
 *   code  The venue's reason, |code| <= RC_MAX_IDENTIFIER; not interpreted.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_CODE, RC_INVALID_HANDLE (nothing changed) or
 * RC_OK.
 *
 * Cost: hot, O(scenarios); O(own orders of that side) where it was the best. The writer's thread.
 */
int64_t rc_on_reject(struct rc_state *state, int64_t time_ns, int64_t handle, int64_t code)
                     RC_NOEXCEPT;

/* The venue has cancelled the rest of an order, asked or not.
 *
 * Fills that come later are still booked, by rc_on_fill.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_HANDLE (nothing changed) or RC_OK.
 *
 * Cost: hot, O(scenarios); O(own orders of that side) where it was the best. The writer's thread.
 */
int64_t rc_on_canceled(struct rc_state *state, int64_t time_ns, int64_t handle) RC_NOEXCEPT;

/* The venue has refused a cancel or a replace: the newest request is over, the order works on.
 *
 * It says nothing about an order of unknown fate, which stays unknown: "too late" may mean filled.
 *
 *   code  The venue's reason, |code| <= RC_MAX_IDENTIFIER; not interpreted.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_CODE, RC_INVALID_HANDLE (nothing changed) or
 * RC_OK.
 *
 * Cost: hot, O(scenarios). The writer's thread.
 */
int64_t rc_on_cancel_reject(struct rc_state *state, int64_t time_ns, int64_t handle, int64_t code)
                            RC_NOEXCEPT;

/* The venue reports new terms of an order, asked or not.
 *
 *   lots         New total size, filled lots included, 1 to RC_MAX_LOTS. The order ends where it is
 *                filled.
 *   price_ticks  1 to RC_MAX_TICKS.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_LOTS, RC_INVALID_PRICE, RC_INVALID_HANDLE
 * (nothing changed) or RC_OK.
 *
 * Cost: hot, O(scenarios). The writer's thread.
 */
int64_t rc_on_replaced(struct rc_state *state, int64_t time_ns, int64_t handle, int64_t lots,
                       int64_t price_ticks) RC_NOEXCEPT;

/* The rest of an order has expired at the venue.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_HANDLE (nothing changed) or RC_OK.
 *
 * Cost: hot, O(scenarios); O(own orders of that side) where it was the best. The writer's thread.
 */
int64_t rc_on_expire(struct rc_state *state, int64_t time_ns, int64_t handle) RC_NOEXCEPT;

/* ================================================================================================
 * Facts
 * ================================================================================================ */

/* What has happened to the account. Facts are booked whatever the state of the gate; amounts are
 * exact. Where a fact contradicts the books, the books follow, the difference is counted, and the
 * instrument is latched until a named person has looked.
 *
 *   rc_on_fill          an execution
 *   rc_on_bust          an execution taken back
 *   rc_on_funding       a funding payment, positive when received
 *   rc_on_transfer      a deposit (positive) or withdrawal
 *   rc_on_settlement    final settlement
 *   rc_on_position      the venue's net position
 *   rc_on_order_status  the venue's state of an order
 */

/* Book an execution.
 *
 *   time_ns       One before the last event's is booked at the last event's.
 *   handle        Of its order; 0 or any other number where that is not known.
 *   strategy      One that was never set, or any number, is booked in the first strategy's holding.
 *   side          RC_BUY or RC_SELL.
 *   lots          1 to RC_MAX_LOTS; the resulting sums stay within RC_MAX_POSITION_LOTS.
 *   price_ticks   1 to RC_MAX_TICKS.
 *   fee           In fee_currency, positive when paid, at most RC_MAX_MONEY in size.
 *   fee_currency  One that was never set counts as 0 money until it is; without a place in the
 *                 tables the fee is left out.
 *   execution_id  0 where the venue gives none (repeats cannot be found then), else at most
 *                 RC_MAX_IDENTIFIER.
 *
 * A fill carries all that is needed to book it, so it books without its order too. Report it as
 * soon as you know of it, in any order; give the execution_id, or repeats cannot be told apart.
 *
 * Returns: Nothing changed: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_INSTRUMENT, RC_INVALID_SIDE,
 * RC_INVALID_LOTS, RC_INVALID_PRICE, RC_INVALID_VALUE, RC_INVALID_IDENTIFIER, RC_DUPLICATE. Booked:
 * RC_OK, or RC_BOOKED_UNMATCHED where no live order of that strategy with so many lots left was
 * found, or the fee's currency was never set; the instrument is latched then.
 *
 * Cost: hot, O(strategies + scenarios + instruments). The writer's thread.
 */
int64_t rc_on_fill(struct rc_state *state, int64_t time_ns, int64_t handle, int64_t instrument,
                   int64_t strategy, int64_t side, int64_t lots, int64_t price_ticks, double fee,
                   int64_t fee_currency, int64_t execution_id) RC_NOEXCEPT;

/* Take an execution back: book its reverse at its own price and return its fee.
 *
 * The lots count as adjusted, not as bought or sold, and the instrument is latched until a person
 * has looked. A bust may overtake its fill, which is then booked when it comes. The order's filled
 * lots stay as they are: the venue reports an order that trades on.
 *
 *   time_ns, instrument, strategy, side, lots, price_ticks, fee, fee_currency, execution_id
 *                                 Those of the execution, as in rc_on_fill.
 *
 * Returns: As rc_on_fill, but RC_BOOKED_UNMATCHED only for a strategy or a fee's currency that was
 * never set; RC_DUPLICATE for a second bust of one execution.
 *
 * Cost: cold, O(strategies + scenarios + instruments). The writer's thread.
 */
int64_t rc_on_bust(struct rc_state *state, int64_t time_ns, int64_t instrument, int64_t strategy,
                   int64_t side, int64_t lots, int64_t price_ticks, double fee,
                   int64_t fee_currency, int64_t execution_id) RC_NOEXCEPT;

/* Book a funding payment on a position.
 *
 *   instrument  Its venue's balance moves.
 *   strategy    Whose record it enters; -1 for nobody's, and so is one that was never set.
 *   currency    Any that the tables have a place for.
 *   amount      Positive when received, at most RC_MAX_MONEY in size. Counts as 0 money while the
 *               currency's rate is unknown.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_INSTRUMENT, RC_INVALID_CURRENCY,
 * RC_INVALID_VALUE (nothing changed), RC_OK, or RC_BOOKED_UNMATCHED where strategy or currency was
 * never set; the instrument is latched then.
 *
 * Cost: cold, O(instruments). The writer's thread.
 */
int64_t rc_on_funding(struct rc_state *state, int64_t time_ns, int64_t instrument, int64_t strategy,
                      int64_t currency, double amount) RC_NOEXCEPT;

/* Book a deposit or withdrawal. It is neither gain nor loss: the marks move along.
 *
 *   currency  Any that the tables have a place for.
 *   amount    Positive for a deposit, at most RC_MAX_MONEY in size. Counts as 0 money while the
 *             currency's rate is unknown.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_VENUE, RC_INVALID_CURRENCY, RC_INVALID_VALUE
 * (nothing changed), RC_OK, or RC_BOOKED_UNMATCHED where the currency was never set.
 *
 * Cost: cold, O(instruments). The writer's thread.
 */
int64_t rc_on_transfer(struct rc_state *state, int64_t time_ns, int64_t venue, int64_t currency,
                       double amount) RC_NOEXCEPT;

/* Close the whole position of an instrument at its final settlement price.
 *
 * Realised as by a fill without fee; the lots count as adjusted and the cash as a settlement. The
 * share of every strategy is closed too. Working orders keep their reservation until the venue
 * reports them gone.
 *
 *   price_ticks  1 to RC_MAX_TICKS.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_INSTRUMENT, RC_INVALID_LOTS, RC_INVALID_PRICE
 * (nothing changed) or RC_OK, also for a position that is flat.
 *
 * Cost: cold, O(strategies + scenarios + instruments). The writer's thread.
 */
int64_t rc_on_settlement(struct rc_state *state, int64_t time_ns, int64_t instrument,
                         int64_t price_ticks) RC_NOEXCEPT;

/* Reconcile a position with the venue's: book the difference, record it, latch.
 *
 * An agreement changes only the time: latches stay until a named person resets them. A difference
 * is booked at the given price in strategy 0, as adjusted lots and adjusted cash.
 *
 *   lots         Net position at the venue, signed, at most RC_MAX_POSITION_LOTS in size; so is the
 *                difference.
 *   price_ticks  At which a difference is booked; 0 for the mark.
 *
 * For drop copies and for polling: the venue is right. Ask when nothing is in flight, or a fill
 * under way will look like a difference.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_INSTRUMENT, RC_INVALID_LOTS, RC_INVALID_PRICE
 * (also: no price and no mark, with a difference to book; nothing changed), RC_OK, or
 * RC_BOOKED_UNMATCHED.
 *
 * Cost: cold, O(strategies + scenarios + instruments). The writer's thread.
 */
int64_t rc_on_position(struct rc_state *state, int64_t time_ns, int64_t instrument, int64_t lots,
                       int64_t price_ticks) RC_NOEXCEPT;

/* Reconcile one order with what the venue (drop copy, query) says of it.
 *
 * Lots that the venue counts as filled and we do not, or the other way round, are not booked here:
 * fills come as fills or as a position. The difference counts as a break and latches the
 * instrument.
 *
 *   code         RC_VENUE_ORDER_WORKING: an order without answer, or of unknown fate, works.
 *                RC_VENUE_ORDER_DONE and RC_VENUE_ORDER_NOT_FOUND: nothing is left at the venue,
 *                the order is released.
 *   filled_lots  0 to RC_MAX_POSITION_LOTS.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_LOTS, RC_INVALID_CODE, RC_INVALID_HANDLE
 * (nothing changed), RC_OK, or RC_BOOKED_UNMATCHED where the filled lots differ.
 *
 * Cost: cold, O(scenarios). The writer's thread.
 */
int64_t rc_on_order_status(struct rc_state *state, int64_t time_ns, int64_t handle, int64_t code,
                           int64_t filled_lots) RC_NOEXCEPT;

/* ================================================================================================
 * System
 * ================================================================================================ */

/* Signs of life, measurements, people, and the record that carries any event.
 *
 *   rc_on_heartbeat  a sign of life; venue -1 is the monitor
 *   rc_on_latency    a measured processing latency
 *   rc_on_error      an error of the caller
 *   rc_control       kill, reset, states
 *   rc_on_regime     the decided market regime
 *   rc_apply         any of the events above as one record
 */

/* A sign of life of a venue, or of the monitor (venue = -1). A late one is as old as it says.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_VENUE or RC_OK.
 *
 * Cost: hot, O(1). The writer's thread.
 */
int64_t rc_on_heartbeat(struct rc_state *state, int64_t time_ns, int64_t venue) RC_NOEXCEPT;

/* Smooth a measured processing latency; the first measurement counts whole.
 *
 *   latency_ns  0 to RC_MAX_TIME_NS
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_VALUE or RC_OK.
 *
 * Cost: hot, O(1). The writer's thread.
 */
int64_t rc_on_latency(struct rc_state *state, int64_t time_ns, int64_t latency_ns) RC_NOEXCEPT;

/* Count an error of the caller in a bucket that drains one error per error_interval_ns.
 *
 * Errors are facts: the bucket overdraws, by at most a year, and opens again when it has drained.
 *
 *   code  0 to RC_MAX_IDENTIFIER. Opaque; the journal keeps it.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_CODE or RC_OK.
 *
 * Cost: hot, O(1). The writer's thread.
 */
int64_t rc_on_error(struct rc_state *state, int64_t time_ns, int64_t code) RC_NOEXCEPT;

/* What a person or the monitor decides: kill, latch, reset, state of a venue or strategy.
 *
 * RC_CONTROL_RESTART is the first event of a process that takes over an account: answers may have
 * been missed, so every live order is of unknown fate until it is reconciled. value is the number
 * of facts that the account was rebuilt without, as a full journal never had them: above 0 the
 * account opens nothing until a named person has looked.
 *
 *   code    RC_CONTROL_*.
 *   target  Instrument, venue or strategy where the code has one; else ignored.
 *   value   New state, messages used, or facts that are missing; else ignored.
 *   author  0 to RC_MAX_IDENTIFIER. A reset needs a named person (> 0); a kill is never refused for
 *           want of a name.
 *
 * author names a person or process in your own registry; journals keep it.
 *
 * Resetting the account's latches while the loss that set them persists latches it again: the
 * person who accepts the loss rebases the peak first.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_INSTRUMENT, RC_INVALID_STRATEGY,
 * RC_INVALID_VENUE, RC_INVALID_VALUE, RC_INVALID_CODE, RC_INVALID_IDENTIFIER or RC_OK.
 *
 * Cost: cold, O(1). The writer's thread.
 */
int64_t rc_control(struct rc_state *state, int64_t time_ns, int64_t code, int64_t target,
                   int64_t value, int64_t author) RC_NOEXCEPT;

/* Take the decided market regime and its probability; the others share the rest equally.
 *
 *   regime       RC_REGIME_*, below the shape's number of regimes.
 *   probability  0 to 1
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_TIME, RC_INVALID_VALUE, RC_INVALID_CODE or RC_OK.
 *
 * Cost: cold, O(instruments x scenarios). The writer's thread.
 */
int64_t rc_on_regime(struct rc_state *state, int64_t time_ns, int64_t regime, double probability)
                     RC_NOEXCEPT;

/* Apply any event.
 *
 *   decision  Of RC_EVENT_CHECK and RC_EVENT_REPLACE; else untouched.
 *
 * A journal of these records, applied to the buffer that it began with, gives the same bytes. The
 * set functions are not events of this form: take a checkpoint after each.
 *
 * Returns: The event's status; RC_INVALID_CODE for an unknown kind.
 *
 * Cost: that of the event. The writer's thread.
 */
int64_t rc_apply(struct rc_state *state, const struct rc_event *event, struct rc_decision *decision)
                 RC_NOEXCEPT;

/* ================================================================================================
 * Questions
 * ================================================================================================ */

/* Answers that change nothing.
 *
 *   rc_size            a signal in, a size out
 *   rc_derisk          reductions that bring every budget back; returns their number
 *   rc_position_risk   risk of one position
 *   rc_portfolio_risk  risk of the account
 *   rc_kelly           fractional Kelly weights
 */

/* The position that a signal deserves.
 *
 * The smallest candidate wins (base_size, volatility target, risk per trade over the stop, Kelly,
 * max_leverage, drawdown budget and cushion), times the factors of confidence, regime, drawdown and
 * performance, floored to lots. A regime factor above 1 lifts the base and volatility candidates,
 * never the result above the other four. A candidate whose inputs nobody knows is absent (Kelly);
 * one that cannot be measured is zero.
 *
 *   signal  expected_return is in the direction of the side: negative means an edge against it.
 *   sizing  lots is the target size of the strategy's position in the direction of the side,
 *           whatever it holds now: subtract it. All candidates and factors are written whatever
 *           limits. limit_code says what limited (RC_SIZE_*).
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_INSTRUMENT, RC_INVALID_STRATEGY, RC_INVALID_SIDE,
 * RC_INVALID_VALUE, RC_INVALID_PARAMETERS (lots are 0) or RC_OK; also in sizing.status.
 *
 * Cost: hot, O(scenarios). Reads only: the writer's thread, or any thread on a copy.
 */
int64_t rc_size(const struct rc_state *state, const struct rc_signal *signal,
                struct rc_sizing *sizing) RC_NOEXCEPT;

/* Reductions that bring every budget back: cancels first, then one common cut.
 *
 * Budgets: loss in each budget scenario against the drawdown budget, gross against
 * cushion_multiplier x budget, and every limit of the portfolio's layer as the gate measures it:
 * gross and net leverage, VaR, ES, losses at the stops, Herfindahl, largest weight, clusters,
 * stress loss. Limits of one position, a venue or a strategy judge what opens.
 *
 * If one fails, every working order that could open is cancelled; if that is not enough, the
 * largest part of all positions that may stay is found by bisection, the same for all, so that
 * hedges stay hedges, each position rounded up to what its venue lets one trade and the cost of the
 * trades charged. With a loss latch set, or no budget or equity left, everything goes. Positions at
 * a venue that is down are not proposed but count in full.
 *
 *   reductions  The first rows, in order of instruments. side and lots are the trade, at the
 *               market; the cancels come before it and are at least that many lots of that
 *               instrument and side.
 *   capacity    At least header.instrument_count.
 *
 * Send the cancels, then the trades; each trade passes rc_check as an exit. Where even closing
 * everything that can be closed does not help (dust, foreign balances, a venue that is down), all
 * of it is proposed.
 *
 * Returns: Number of rows; 0 where every budget holds or nothing can be done; -1 where the capacity
 * is too small or no parameters are set (nothing is written).
 *
 * Cost: cold, some 26 evaluations of O(instruments x scenarios). Reads only: the writer's thread,
 * or any thread on a copy.
 */
int64_t rc_derisk(const struct rc_state *state, struct rc_reduction *reductions, int64_t capacity)
                  RC_NOEXCEPT;

/* Everything about the risk of one position.
 *
 *   instrument  Instrument index.
 *   risk        Standalone figures use the mark of now and the 24 h EWMA volatility; marginal,
 *               component and incremental VaR use the portfolio of the covariance pass (weights of
 *               the last sample moved by fills since).
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_INSTRUMENT (nothing is written) or RC_OK.
 *
 * Cost: hot, O(1). Reads only: the writer's thread, or any thread on a copy.
 */
int64_t rc_position_risk(const struct rc_state *state, int64_t instrument,
                         struct rc_position_risk_result *risk) RC_NOEXCEPT;

/* Everything about the risk of the account.
 *
 *   risk  Ratios to an equity that is not positive are RC_MAX_SHARE, or 0 where there is nothing to
 *         divide. *_working adds every working order at its worst: sigma(filled) + sum of the
 *         orders' own sigmas, a bound over all subsets of fills.
 *
 * Returns: RC_BAD_BUFFER (nothing is written) or RC_OK.
 *
 * Cost: cold, O(instruments + scenarios). Reads only: the writer's thread, or any thread on a copy.
 */
int64_t rc_portfolio_risk(const struct rc_state *state, struct rc_portfolio_risk_result *risk)
                          RC_NOEXCEPT;

/* Fractional Kelly weights of all instruments, with bounds.
 *
 * Maximises part x mu'w - w'Cw / 2, C the 24 h EWMA covariance shrunk towards its diagonal and part
 * the smaller of kelly_fraction and what risk-constrained Kelly allows (2 / (1 + lambda)). Without
 * bounds that is part x C^-1 mu (own Cholesky factor). Where a bound of a single weight binds
 * (max_position_share; no shorts where not allowed), projected coordinate passes find the optimum
 * over the box. What is not active has no weight. A gross above max_leverage or max_gross_leverage
 * is scaled down. While a covariance pass is pending, rows of two neighbouring samples mix: advance
 * it first.
 *
 *   weights  share of equity
 *
 * scratch has RC_INSTRUMENTS x RC_INSTRUMENTS elements; what is in it afterwards has no meaning.
 *
 * Returns: RC_BAD_BUFFER, RC_INVALID_VALUE (an expected return is not finite or beyond
 * RC_MAX_SHARE), RC_INVALID_PARAMETERS: nothing is written; or RC_OK.
 *
 * Cost: cold, O(instruments^3). Reads only: the writer's thread, or any thread on a copy.
 */
int64_t rc_kelly(const struct rc_state *state, const double *expected_returns, double *weights,
                 double *scratch) RC_NOEXCEPT;

/* ================================================================================================
 * Journal and shared pages
 * ================================================================================================ */

/* For engines that must survive their own end, and for the people who watch them. The writer calls
 * rc_submit in place of the functions above: what other processes left on the control page happens
 * first, then the event is written to the journal, applied and answered, and from time to time the
 * published page is written. Journal, control page and published page are memory of yours beside
 * the state, aligned to RC_STATE_ALIGNMENT and zeroed before their init; in shared memory they
 * outlive the process.
 *
 * Recovery: attach state and journal; where applied equals committed, and lost_applied lost, the
 * state is whole, else take the last checkpoint; rc_replay the records behind it,
 * rc_journal_resume, and submit a control event RC_CONTROL_RESTART, its lots journal.lost where the
 * state was taken from elsewhere: facts that a full journal never had are missing then, and the
 * account opens nothing until somebody has looked. Do not mix rc_submit with the plain functions on
 * one state: the journal would not tell what those did.
 *
 *   rc_journal_init        make an empty journal in zeroed memory
 *   rc_journal_attach      RC_OK where the memory holds a journal of this build
 *   rc_journal_resume      the writer takes over after a recovery
 *   rc_control_init        make an empty control page in zeroed memory
 *   rc_control_attach      RC_OK where the memory holds a control page of this build
 *   rc_control_kill        pull the kill switch
 *   rc_control_request     leave a control event for the writer
 *   rc_control_parameters  leave a parameter block for the writer
 *   rc_control_beat        the monitor is alive
 *   rc_page_init           make an empty published page in zeroed memory
 *   rc_page_attach         RC_OK where the memory holds a published page of this build
 *   rc_page_read           copy a page that was whole at one moment; RC_BUSY: try again
 *   rc_publish             write the published page now
 *   rc_submit              journal one event, apply it and answer
 *   rc_submit_set          journal a change of configuration and apply it
 *   rc_submit_batch        journal a batch of orders and judge it
 *   rc_replay              apply journal records to the state they began from; returns the next
 *                          sequence
 *   rc_checksum            checksum of words
 */

/* Make an empty journal in zeroed memory: this record, then capacity records of the ring.
 *
 *   journal           zeroed
 *   capacity          records, a power of two, 256 to 2**32
 *   reserve           records, 0 to capacity / 2
 *   publish_interval  records between two published copies; 0: at samples only
 *
 * The memory is sizeof(struct rc_journal) + capacity x sizeof(struct rc_journal_record) bytes,
 * zeroed. reserve is what new orders and market data leave to facts, cancels and control; orders
 * that only reduce a position may use half of it.
 *
 * Returns: RC_INVALID_VALUE or RC_OK.
 *
 * Cost: cold. The writer's thread, before it shares the memory.
 */
int64_t rc_journal_init(struct rc_journal *journal, int64_t capacity, int64_t reserve,
                        int64_t publish_interval) RC_NOEXCEPT;

/* RC_OK where the memory holds a journal of this build.
 *
 * Returns: RC_WRONG_MAGIC, RC_WRONG_ABI, RC_WRONG_SIZE, RC_WRONG_LAYOUT, RC_TORN (numbers in it
 * that cannot be) or RC_OK.
 *
 * Cost: cold. Any process that maps the journal.
 */
int64_t rc_journal_attach(const struct rc_journal *journal) RC_NOEXCEPT;

/* The writer takes over after a recovery: all that is committed is in the state now.
 *
 * A heartbeat that was there before is no sign of life. Facts that the state was rebuilt without
 * still count as missing, until the first event behind it (RC_CONTROL_RESTART) has told the
 * account.
 *
 * Returns: RC_OK.
 *
 * Cost: cold. The writer's thread.
 */
int64_t rc_journal_resume(struct rc_journal *journal, const struct rc_control_page *control)
                          RC_NOEXCEPT;

/* Make an empty control page in zeroed memory.
 *
 * Returns: RC_OK.
 *
 * Cost: cold. Whoever makes the page, before it is shared.
 */
int64_t rc_control_init(struct rc_control_page *control) RC_NOEXCEPT;

/* RC_OK where the memory is a control page of this build; else RC_WRONG_*.
 *
 * Returns: RC_WRONG_MAGIC, RC_WRONG_ABI, RC_WRONG_SIZE, RC_WRONG_LAYOUT or RC_OK.
 *
 * Cost: cold. Any process that maps the page.
 */
int64_t rc_control_attach(const struct rc_control_page *control) RC_NOEXCEPT;

/* Pull the kill switch: the writer's next entry applies it. Never refused, needs no lock.
 *
 * Kills are counted in one addition, so that none is lost where several are pulled at once; of
 * those one author is named.
 *
 *   author  Who; 0 where nobody is named.
 *
 * Until RC_CONTROL_RESET_KILL is requested, by a named person, only cancels pass.
 *
 * Returns: RC_OK.
 *
 * Cost: hot, O(1). Any process that may write the page; one at a time.
 */
int64_t rc_control_kill(struct rc_control_page *control, int64_t author) RC_NOEXCEPT;

/* Leave a request that the writer's next entry turns into a control event.
 *
 * A request that is not taken yet is replaced. Resetting the kill switch is for the kills so far:
 * it is refused where another one comes before it is taken. One process at a time.
 *
 * Returns: RC_INVALID_IDENTIFIER or RC_OK. What the core says of it stands in the published page.
 *
 * Cost: cold. Any process that may write the page; one at a time.
 */
int64_t rc_control_request(struct rc_control_page *control, int64_t code, int64_t target,
                           int64_t value, int64_t author) RC_NOEXCEPT;

/* Leave a parameter block that the writer's next entry applies; one process at a time.
 *
 *   parameters  With a version other than 0 and the author.
 *
 * Limits of an earlier version than those in force are refused when their turn comes
 * (RC_INVALID_PARAMETERS in the published page), and no event.
 *
 * Returns: RC_OK. What the core says of the block stands in the published page.
 *
 * Cost: cold. Any process that may write the page; one at a time.
 */
int64_t rc_control_parameters(struct rc_control_page *control,
                              const struct rc_parameters *parameters) RC_NOEXCEPT;

/* The monitor's sign of life: any number other than the last one.
 *
 *   time_ns  The monitor's clock; the writer counts the beat at its own time.
 *
 * Returns: RC_OK.
 *
 * Cost: cold. Any process that may write the page; one at a time.
 */
int64_t rc_control_beat(struct rc_control_page *control, int64_t time_ns) RC_NOEXCEPT;

/* Make an empty published page in zeroed memory.
 *
 * Returns: RC_OK.
 *
 * Cost: cold. Whoever makes the page, before it is shared.
 */
int64_t rc_page_init(struct rc_published_page *page) RC_NOEXCEPT;

/* RC_OK where the memory is a published page of this build; else RC_WRONG_*.
 *
 * Returns: RC_WRONG_MAGIC, RC_WRONG_ABI, RC_WRONG_SIZE, RC_WRONG_LAYOUT or RC_OK.
 *
 * Cost: cold. Any process that maps the page.
 */
int64_t rc_page_attach(const struct rc_published_page *page) RC_NOEXCEPT;

/* Copy a published page that was whole at one moment.
 *
 *   page  another process may be writing it
 *
 * Never stops the writer, and never returns a page of two moments.
 *
 * Returns: RC_BUSY where the writer was in the way 64 times, else RC_OK.
 *
 * Cost: cold, copies the page. Any process that maps the page.
 */
int64_t rc_page_read(const struct rc_published_page *page, struct rc_published_page *copy)
                     RC_NOEXCEPT;

/* Make a page of what a monitor needs, and bring the published page up to date with it.
 *
 *   journal  Its draft.
 *   page     Written by this process alone.
 *
 * rc_submit does it by itself after each sample and every publish_interval records.
 *
 * Returns: RC_BAD_BUFFER (the page stays as it is) or RC_OK.
 *
 * Cost: cold, O(instruments + scenarios). The writer's thread.
 */
int64_t rc_publish(const struct rc_state *state, struct rc_journal *journal,
                   struct rc_published_page *page) RC_NOEXCEPT;

/* Journal one event, apply it and answer.
 *
 *   ring      The memory behind the journal's record.
 *   decision  Of RC_EVENT_CHECK and RC_EVENT_REPLACE.
 *
 * Fill the event as rc_apply takes it. Of an order, read decision.action. A status that is not
 * RC_OK comes with a decision that rejects.
 *
 * Returns: The event's status, as rc_apply returns it; RC_BAD_BUFFER where the parts are not of one
 * build; RC_JOURNAL_FULL where there is no room for an order or market data (nothing changed; an
 * order that only reduces may use half of the reserve); RC_NOT_JOURNALED where a fact was applied
 * without a record, unless its own status tells more: the journal's lost counts both.
 * RC_INVALID_VALUE for a reset of the kill switch that met a kill which its author cannot have
 * known of. Where only a page is damaged, facts, cancels and control go on, and nothing else does.
 *
 * Cost: that of the event, and a copy of 192 bytes. The writer's thread.
 */
int64_t rc_submit(struct rc_state *state, struct rc_journal *journal,
                  struct rc_journal_record *ring, const struct rc_control_page *control,
                  struct rc_published_page *page, const struct rc_event *event,
                  struct rc_decision *decision) RC_NOEXCEPT;

/* Journal a change of configuration, apply it and answer.
 *
 *   journal, ring, control, page  As in rc_submit.
 *   kind                          RC_ENTRY_PARAMETERS to RC_ENTRY_SCENARIO.
 *   index                         Of the instrument, venue, currency, strategy or scenario; ignored
 *                                 for parameters.
 *   payload                       The record in words; a scenario's moves in down and up.
 *
 * Returns: Status of the plain function; RC_BAD_BUFFER, RC_INVALID_CODE or RC_JOURNAL_FULL: nothing
 * changed.
 *
 * Cost: cold, that of the plain function. The writer's thread.
 */
int64_t rc_submit_set(struct rc_state *state, struct rc_journal *journal,
                      struct rc_journal_record *ring, const struct rc_control_page *control,
                      struct rc_published_page *page, int64_t time_ns, int64_t kind, int64_t index,
                      const struct rc_payload *payload) RC_NOEXCEPT;

/* Journal a batch of orders, judge it and answer.
 *
 *   journal, ring, control, page  As in rc_submit.
 *   orders, decisions, count      As in rc_check_batch.
 *
 * Returns: RC_APPROVE or RC_REJECT.
 *
 * Cost: that of rc_check_batch, and a copy of each leg. The writer's thread.
 */
int64_t rc_submit_batch(struct rc_state *state, struct rc_journal *journal,
                        struct rc_journal_record *ring, const struct rc_control_page *control,
                        struct rc_published_page *page, const struct rc_order *orders,
                        struct rc_decision *decisions, int64_t count) RC_NOEXCEPT;

/* Apply entries of a journal to the state that it began from.
 *
 *   records      A ring, or a stretch of an archive.
 *   base         Sequence of records[0]; 1 for a ring.
 *   first, last  Stretch of sequences to apply.
 *   legs         at least 64
 *
 * The same records from the same state give the same bytes as when they were first applied.
 *
 * Returns: Sequence behind the last entry that was applied; last + 1 where all were. A record that
 * is torn, or an entry that does not end at last or before, stops it.
 *
 * Cost: cold, that of every event. The writer's thread.
 */
int64_t rc_replay(struct rc_state *state, const struct rc_journal_record *records, int64_t capacity,
                  int64_t base, int64_t first, int64_t last, struct rc_payload *payload,
                  struct rc_order *orders, struct rc_decision *decisions, int64_t legs) RC_NOEXCEPT;

/* Checksum of count words of a checkpoint; NumPy computes the same in readers.
 *
 *   count  0 or more
 *
 * Returns: the checksum.
 *
 * Cost: cold, O(count). Any thread.
 */
int64_t rc_checksum(const int64_t *words, int64_t count) RC_NOEXCEPT;

/* ================================================================================================
 * Names and small helpers
 * ================================================================================================ */

/* Text for logs, and loops over reasons. They are functions of this header, not of the library, and
 * need no storage.
 */

static inline const char *rc_status_name(int64_t number)
{
    switch (number) {
    case 1: return "OK";
    case 2: return "BAD_BUFFER";
    case 3: return "INVALID_TIME";
    case 4: return "INVALID_INSTRUMENT";
    case 5: return "INVALID_STRATEGY";
    case 6: return "INVALID_VENUE";
    case 7: return "INVALID_CURRENCY";
    case 8: return "INVALID_SIDE";
    case 9: return "INVALID_LOTS";
    case 10: return "INVALID_PRICE";
    case 11: return "INVALID_VALUE";
    case 12: return "INVALID_CODE";
    case 13: return "INVALID_HANDLE";
    case 14: return "INVALID_PARAMETERS";
    case 15: return "INVALID_IDENTIFIER";
    case 16: return "DUPLICATE";
    case 17: return "BOOKED_UNMATCHED";
    case 18: return "BUSY";
    case 19: return "JOURNAL_FULL";
    case 20: return "NOT_JOURNALED";
    case 21: return "WRONG_MAGIC";
    case 22: return "WRONG_ABI";
    case 23: return "WRONG_SHAPE";
    case 24: return "WRONG_SIZE";
    case 25: return "WRONG_LAYOUT";
    case 26: return "TORN";
    default: return "unknown";
    }
}

static inline const char *rc_action_name(int64_t number)
{
    switch (number) {
    case 0: return "REJECT";
    case 1: return "RESIZE";
    case 2: return "APPROVE";
    default: return "unknown";
    }
}

static inline const char *rc_reason_name(int64_t number)
{
    switch (number) {
    case 0: return "BUFFER_INTEGRITY";
    case 1: return "PARAMETERS_UNSET";
    case 2: return "ORDER_INVALID";
    case 3: return "INSTRUMENT_UNKNOWN";
    case 4: return "STRATEGY_UNKNOWN";
    case 5: return "DUPLICATE_CLIENT_ID";
    case 6: return "ORDER_TABLE_FULL";
    case 7: return "KILL_SWITCH";
    case 8: return "ACCOUNT_IN_REDUCE_ONLY";
    case 9: return "LATENCY_EXCEEDS_MAX";
    case 10: return "ERROR_RATE_EXCEEDS_MAX";
    case 11: return "CLOCK_BACKWARDS";
    case 12: return "CLOCK_STALLED";
    case 13: return "DATA_GAP";
    case 14: return "MONITOR_SILENT";
    case 15: return "INSTRUMENT_UNRECONCILED";
    case 16: return "ORDER_LOTS_EXCEEDS_MAX";
    case 17: return "ORDER_NOTIONAL_EXCEEDS_MAX";
    case 18: return "POSITION_LOTS_EXCEEDS_MAX";
    case 19: return "POSITION_NOTIONAL_EXCEEDS_MAX";
    case 20: return "POSITION_SHARE_EXCEEDS_MAX";
    case 21: return "POSITION_STOP_LOSS_EXCEEDS_MAX";
    case 22: return "POSITION_VAR_EXCEEDS_MAX";
    case 23: return "STOP_BREACHED";
    case 24: return "LIQUIDATION_DISTANCE_BELOW_MIN";
    case 25: return "SHORTING_NOT_ALLOWED";
    case 26: return "REDUCE_ONLY_WOULD_OPEN";
    case 27: return "INSTRUMENT_CLOSE_ONLY";
    case 32: return "GROSS_LEVERAGE_EXCEEDS_MAX";
    case 33: return "NET_LEVERAGE_EXCEEDS_MAX";
    case 34: return "PORTFOLIO_VAR_EXCEEDS_MAX";
    case 35: return "EXPECTED_SHORTFALL_EXCEEDS_MAX";
    case 36: return "PORTFOLIO_STOP_LOSS_EXCEEDS_MAX";
    case 37: return "HERFINDAHL_EXCEEDS_MAX";
    case 38: return "LARGEST_WEIGHT_EXCEEDS_MAX";
    case 39: return "CLUSTER_RISK_EXCEEDS_MAX";
    case 40: return "STRESS_LOSS_EXCEEDS_MAX";
    case 48: return "DRAWDOWN_EXCEEDS_MAX";
    case 49: return "DRAWDOWN_BUDGET_EXCEEDED";
    case 50: return "CUSHION_EXPOSURE_EXCEEDED";
    case 51: return "DAILY_LOSS_EXCEEDS_MAX";
    case 52: return "FREE_MARGIN_BELOW_MIN";
    case 53: return "OPEN_ORDERS_EXCEEDS_MAX";
    case 54: return "DAILY_TURNOVER_EXCEEDS_MAX";
    case 55: return "LOSING_STREAK_COOLDOWN";
    case 56: return "EQUITY_NOT_POSITIVE";
    case 64: return "MESSAGE_RATE_EXCEEDS_MAX";
    case 65: return "MESSAGE_WINDOW_EXCEEDS_MAX";
    case 66: return "HEARTBEAT_STALE";
    case 67: return "ORDER_TO_TRADE_EXCEEDS_MAX";
    case 68: return "REJECT_RATE_EXCEEDS_MAX";
    case 69: return "VENUE_EXPOSURE_EXCEEDS_MAX";
    case 70: return "PRICE_OFF_TICK";
    case 71: return "LOTS_OFF_STEP";
    case 72: return "LOTS_BELOW_MIN";
    case 73: return "NOTIONAL_BELOW_MIN";
    case 74: return "VENUE_NOT_ACTIVE";
    case 75: return "VENUE_DOWN";
    case 76: return "REPEATED_EXECUTION";
    case 80: return "PRICE_OUTSIDE_COLLAR";
    case 81: return "QUOTE_STALE";
    case 82: return "BOOK_CROSSED";
    case 83: return "BOOK_ONE_SIDED";
    case 84: return "SPREAD_EXCEEDS_MAX";
    case 85: return "VISIBLE_LIQUIDITY_EXCEEDED";
    case 86: return "TRADED_LIQUIDITY_EXCEEDED";
    case 87: return "VOLATILITY_EXCEEDS_MAX";
    case 88: return "FLASH_MOVE";
    case 89: return "CRASH_REGIME";
    case 90: return "RATE_STALE";
    case 91: return "MARK_UNSET";
    case 92: return "POST_ONLY_WOULD_TAKE";
    case 96: return "STRATEGY_DISABLED";
    case 97: return "STRATEGY_REGIME_DISABLED";
    case 98: return "STRATEGY_BUDGET_EXCEEDED";
    case 99: return "STRATEGY_DRAWDOWN_EXCEEDS_MAX";
    case 100: return "STRATEGY_DAILY_LOSS_EXCEEDS_MAX";
    case 101: return "CONFIDENCE_BELOW_THRESHOLD";
    case 102: return "STRATEGY_ON_PROBATION";
    case 103: return "STRATEGY_ORDER_RATE_EXCEEDS_MAX";
    case 104: return "SELF_MATCH";
    case 112: return "BATCH_LEG_REJECTED";
    default: return "unknown";
    }
}

static inline const char *rc_layer_name(int64_t number)
{
    switch (number) {
    case 0: return "none";
    case 1: return "position";
    case 2: return "portfolio";
    case 3: return "account";
    case 4: return "exchange";
    case 5: return "market";
    case 6: return "strategy";
    case 7: return "system";
    default: return "unknown";
    }
}

static inline const char *rc_side_name(int64_t number)
{
    switch (number) {
    case 1: return "BUY";
    case -1: return "SELL";
    default: return "unknown";
    }
}

static inline const char *rc_order_type_name(int64_t number)
{
    switch (number) {
    case 1: return "LIMIT";
    case 2: return "MARKET";
    case 3: return "STOP";
    default: return "unknown";
    }
}

static inline const char *rc_time_in_force_name(int64_t number)
{
    switch (number) {
    case 1: return "GTC";
    case 2: return "IOC";
    case 3: return "FOK";
    default: return "unknown";
    }
}

static inline const char *rc_order_flag_name(int64_t number)
{
    switch (number) {
    case 1: return "POST_ONLY";
    case 2: return "REDUCE_ONLY";
    default: return "unknown";
    }
}

static inline const char *rc_contract_name(int64_t number)
{
    switch (number) {
    case 1: return "SPOT";
    case 2: return "LINEAR";
    case 3: return "INVERSE";
    default: return "unknown";
    }
}

static inline const char *rc_entity_state_name(int64_t number)
{
    switch (number) {
    case 0: return "UNSET";
    case 1: return "ACTIVE";
    case 2: return "CLOSE_ONLY";
    case 3: return "DOWN";
    case 4: return "DISABLED";
    default: return "unknown";
    }
}

static inline const char *rc_account_state_name(int64_t number)
{
    switch (number) {
    case 0: return "NORMAL";
    case 1: return "ACCOUNT_REDUCE_ONLY";
    case 2: return "CANCEL_ONLY";
    default: return "unknown";
    }
}

static inline const char *rc_latch_name(int64_t number)
{
    switch (number) {
    case 1: return "DRAWDOWN";
    case 2: return "DAILY_LOSS";
    case 4: return "RECONCILIATION";
    case 8: return "OPERATOR";
    case 16: return "UNMATCHED_FILL";
    case 32: return "REPEATED_EXECUTION";
    default: return "unknown";
    }
}

static inline const char *rc_quote_state_name(int64_t number)
{
    switch (number) {
    case 0: return "NONE";
    case 1: return "GOOD";
    case 2: return "CROSSED";
    case 3: return "ONE_SIDED";
    case 4: return "EMPTY";
    default: return "unknown";
    }
}

static inline const char *rc_order_state_name(int64_t number)
{
    switch (number) {
    case 0: return "FREE";
    case 1: return "PENDING";
    case 2: return "WORKING";
    case 3: return "CANCEL_PENDING";
    case 4: return "REPLACE_PENDING";
    case 5: return "UNKNOWN";
    default: return "unknown";
    }
}

static inline const char *rc_venue_order_name(int64_t number)
{
    switch (number) {
    case 1: return "WORKING";
    case 2: return "DONE";
    case 3: return "NOT_FOUND";
    default: return "unknown";
    }
}

static inline const char *rc_regime_number_name(int64_t number)
{
    switch (number) {
    case 0: return "normal";
    case 1: return "volatile";
    case 2: return "trending";
    case 3: return "crash";
    default: return "unknown";
    }
}

static inline const char *rc_control_code_name(int64_t number)
{
    switch (number) {
    case 1: return "KILL";
    case 2: return "RESET_KILL";
    case 3: return "RESET_LATCHES";
    case 4: return "LATCH_ACCOUNT";
    case 5: return "RESET_INSTRUMENT";
    case 6: return "LATCH_INSTRUMENT";
    case 7: return "SET_VENUE_STATE";
    case 8: return "SET_STRATEGY_STATE";
    case 9: return "VENUE_USAGE";
    case 10: return "RESET_COOLDOWN";
    case 11: return "REBASE_PEAK";
    case 12: return "RESTART";
    default: return "unknown";
    }
}

static inline const char *rc_event_kind_name(int64_t number)
{
    switch (number) {
    case 1: return "quote";
    case 2: return "trade";
    case 3: return "rate";
    case 4: return "clock";
    case 5: return "sample";
    case 6: return "advance";
    case 7: return "check";
    case 8: return "cancel";
    case 9: return "replace";
    case 10: return "ack";
    case 11: return "reject";
    case 12: return "canceled";
    case 13: return "cancel_reject";
    case 14: return "replaced";
    case 15: return "expire";
    case 16: return "fill";
    case 17: return "bust";
    case 18: return "funding";
    case 19: return "transfer";
    case 20: return "settlement";
    case 21: return "position";
    case 22: return "order_status";
    case 23: return "heartbeat";
    case 24: return "latency";
    case 25: return "error";
    case 26: return "control";
    case 27: return "regime";
    default: return "unknown";
    }
}

static inline const char *rc_entry_kind_name(int64_t number)
{
    switch (number) {
    case 64: return "parameters";
    case 65: return "instrument";
    case 66: return "venue";
    case 67: return "currency";
    case 68: return "strategy";
    case 69: return "scenario";
    case 70: return "batch";
    default: return "unknown";
    }
}

static inline const char *rc_size_limit_name(int64_t number)
{
    switch (number) {
    case 1: return "base";
    case 2: return "volatility";
    case 3: return "stop";
    case 4: return "kelly";
    case 5: return "leverage";
    case 6: return "budget";
    case 7: return "confidence";
    case 8: return "minimum";
    case 9: return "drawdown";
    case 10: return "regime";
    case 11: return "performance";
    case 12: return "equity";
    case 13: return "mark";
    case 14: return "shorting";
    default: return "unknown";
    }
}

/* 1 where the library that answers is that of this header, 0 where it was made for another shape or
 * version. With RC_WITHOUT_LIBRARY nothing else looks.
 */
static inline int rc_library_matches(void)
{
    return rc_layout_hash() == RC_LAYOUT_HASH && rc_state_size() == RC_STATE_SIZE;
}

/* The next check after number `after` that objected, -1 when there is none: start with -1. */
static inline int64_t rc_next_reason(const struct rc_decision *decision, int64_t after)
{
    if (after >= RC_CHECK_COUNT) return -1;
    int64_t check = after < 0 ? 0 : after + 1;
    while (check < RC_CHECK_COUNT && !(decision->reasons[check / 64] >> (check % 64) & 1))
        check++;
    return check < RC_CHECK_COUNT ? check : -1;
}

/* ================================================================================================
 * The layout, asserted
 * ================================================================================================ */

/* Size of every structure and offset of every member, as the library has them. A compiler that
 * disagrees stops here, not in production.
 */
#ifdef __cplusplus
#define RC_SIZE(type, size) static_assert(sizeof(struct type) == (size), "size of " #type)
#define RC_AT(type, member, offset) \
    static_assert(offsetof(struct type, member) == (offset), #type "." #member)
#else
#define RC_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), "size of " #type)
#define RC_AT(type, member, offset) \
    _Static_assert(offsetof(struct type, member) == (offset), #type "." #member)
#endif

RC_SIZE(rc_order, 128);
RC_AT(rc_order, client_id, 0); RC_AT(rc_order, time_ns, 8); RC_AT(rc_order, instrument, 16);
RC_AT(rc_order, strategy, 24); RC_AT(rc_order, side, 32); RC_AT(rc_order, type, 40);
RC_AT(rc_order, time_in_force, 48); RC_AT(rc_order, order_flags, 56); RC_AT(rc_order, lots, 64);
RC_AT(rc_order, price_ticks, 72); RC_AT(rc_order, stop_ticks, 80); RC_AT(rc_order, confidence, 88);
RC_AT(rc_order, padding, 96);
RC_SIZE(rc_decision, 256);
RC_AT(rc_decision, action, 0); RC_AT(rc_decision, status, 8); RC_AT(rc_decision, lots, 16);
RC_AT(rc_decision, exit_lots, 24); RC_AT(rc_decision, reasons, 32);
RC_AT(rc_decision, first_check, 48); RC_AT(rc_decision, layer, 56); RC_AT(rc_decision, handle, 64);
RC_AT(rc_decision, price_ticks, 72); RC_AT(rc_decision, utilisation, 80);
RC_AT(rc_decision, equity, 136); RC_AT(rc_decision, var_before, 144);
RC_AT(rc_decision, var_after, 152); RC_AT(rc_decision, gross_before, 160);
RC_AT(rc_decision, gross_after, 168); RC_AT(rc_decision, stress_before, 176);
RC_AT(rc_decision, stress_after, 184); RC_AT(rc_decision, budget, 192);
RC_AT(rc_decision, padding, 200);
RC_SIZE(rc_event, 192);
RC_AT(rc_event, kind, 0); RC_AT(rc_event, time_ns, 8); RC_AT(rc_event, venue_time_ns, 16);
RC_AT(rc_event, id, 24); RC_AT(rc_event, handle, 32); RC_AT(rc_event, instrument, 40);
RC_AT(rc_event, strategy, 48); RC_AT(rc_event, venue, 56); RC_AT(rc_event, currency, 64);
RC_AT(rc_event, side, 72); RC_AT(rc_event, type, 80); RC_AT(rc_event, time_in_force, 88);
RC_AT(rc_event, order_flags, 96); RC_AT(rc_event, code, 104); RC_AT(rc_event, lots, 112);
RC_AT(rc_event, price_ticks, 120); RC_AT(rc_event, lots_2, 128);
RC_AT(rc_event, price_ticks_2, 136); RC_AT(rc_event, value, 144); RC_AT(rc_event, value_2, 152);
RC_AT(rc_event, confidence, 160); RC_AT(rc_event, padding, 168);
RC_SIZE(rc_position_risk_result, 128);
RC_AT(rc_position_risk_result, exposure, 0); RC_AT(rc_position_risk_result, gross, 8);
RC_AT(rc_position_risk_result, volatility, 16); RC_AT(rc_position_risk_result, value_at_risk, 24);
RC_AT(rc_position_risk_result, expected_shortfall, 32);
RC_AT(rc_position_risk_result, marginal_var, 40); RC_AT(rc_position_risk_result, component_var, 48);
RC_AT(rc_position_risk_result, incremental_var, 56); RC_AT(rc_position_risk_result, stop_price, 64);
RC_AT(rc_position_risk_result, target_price, 72); RC_AT(rc_position_risk_result, stop_loss, 80);
RC_AT(rc_position_risk_result, liquidation_distance, 88);
RC_AT(rc_position_risk_result, liquidation_price, 96);
RC_AT(rc_position_risk_result, unrealized_pnl, 104);
RC_AT(rc_position_risk_result, stop_breached, 112); RC_AT(rc_position_risk_result, cluster, 120);
RC_SIZE(rc_portfolio_risk_result, 192);
RC_AT(rc_portfolio_risk_result, equity, 0); RC_AT(rc_portfolio_risk_result, gross_leverage, 8);
RC_AT(rc_portfolio_risk_result, net_leverage, 16); RC_AT(rc_portfolio_risk_result, volatility, 24);
RC_AT(rc_portfolio_risk_result, value_at_risk, 32);
RC_AT(rc_portfolio_risk_result, value_at_risk_working, 40);
RC_AT(rc_portfolio_risk_result, expected_shortfall, 48);
RC_AT(rc_portfolio_risk_result, expected_shortfall_working, 56);
RC_AT(rc_portfolio_risk_result, herfindahl, 64);
RC_AT(rc_portfolio_risk_result, largest_weight, 72);
RC_AT(rc_portfolio_risk_result, cluster_risk, 80); RC_AT(rc_portfolio_risk_result, stop_loss, 88);
RC_AT(rc_portfolio_risk_result, stress_loss, 96);
RC_AT(rc_portfolio_risk_result, stress_scenario, 104);
RC_AT(rc_portfolio_risk_result, drawdown, 112); RC_AT(rc_portfolio_risk_result, daily_loss, 120);
RC_AT(rc_portfolio_risk_result, budget, 128); RC_AT(rc_portfolio_risk_result, cushion, 136);
RC_AT(rc_portfolio_risk_result, free_margin, 144);
RC_AT(rc_portfolio_risk_result, open_orders, 152); RC_AT(rc_portfolio_risk_result, padding, 160);
RC_SIZE(rc_signal, 64);
RC_AT(rc_signal, instrument, 0); RC_AT(rc_signal, strategy, 8); RC_AT(rc_signal, side, 16);
RC_AT(rc_signal, confidence, 24); RC_AT(rc_signal, expected_return, 32);
RC_AT(rc_signal, win_probability, 40); RC_AT(rc_signal, payoff, 48); RC_AT(rc_signal, padding, 56);
RC_SIZE(rc_sizing, 128);
RC_AT(rc_sizing, status, 0); RC_AT(rc_sizing, lots, 8); RC_AT(rc_sizing, notional, 16);
RC_AT(rc_sizing, limit_code, 24); RC_AT(rc_sizing, base_size, 32); RC_AT(rc_sizing, volatility, 40);
RC_AT(rc_sizing, stop, 48); RC_AT(rc_sizing, kelly, 56); RC_AT(rc_sizing, leverage, 64);
RC_AT(rc_sizing, budget, 72); RC_AT(rc_sizing, confidence_factor, 80);
RC_AT(rc_sizing, regime_factor, 88); RC_AT(rc_sizing, drawdown_factor, 96);
RC_AT(rc_sizing, performance_factor, 104); RC_AT(rc_sizing, padding, 112);
RC_SIZE(rc_reduction, 64);
RC_AT(rc_reduction, instrument, 0); RC_AT(rc_reduction, side, 8); RC_AT(rc_reduction, lots, 16);
RC_AT(rc_reduction, cancel_buy_lots, 24); RC_AT(rc_reduction, cancel_sell_lots, 32);
RC_AT(rc_reduction, value, 40); RC_AT(rc_reduction, padding, 48);
RC_SIZE(rc_parameters, 832);
RC_AT(rc_parameters, version, 0); RC_AT(rc_parameters, author, 8);
RC_AT(rc_parameters, max_position_share, 16); RC_AT(rc_parameters, max_position_risk, 24);
RC_AT(rc_parameters, min_liquidation_distance, 32); RC_AT(rc_parameters, max_gross_leverage, 40);
RC_AT(rc_parameters, max_net_leverage, 48); RC_AT(rc_parameters, var_95, 56);
RC_AT(rc_parameters, expected_shortfall, 64); RC_AT(rc_parameters, max_portfolio_risk, 72);
RC_AT(rc_parameters, max_herfindahl, 80); RC_AT(rc_parameters, max_weight, 88);
RC_AT(rc_parameters, max_correlation_risk, 96); RC_AT(rc_parameters, cluster_correlation, 104);
RC_AT(rc_parameters, max_stress_loss, 112); RC_AT(rc_parameters, max_drawdown, 120);
RC_AT(rc_parameters, target_drawdown, 128); RC_AT(rc_parameters, max_daily_loss, 136);
RC_AT(rc_parameters, cushion_multiplier, 144); RC_AT(rc_parameters, min_free_margin, 152);
RC_AT(rc_parameters, max_open_orders, 160); RC_AT(rc_parameters, max_daily_turnover, 168);
RC_AT(rc_parameters, max_losing_streak, 176); RC_AT(rc_parameters, losing_streak_cooldown_ns, 184);
RC_AT(rc_parameters, decision_interval_ns, 192); RC_AT(rc_parameters, execution_latency_ns, 200);
RC_AT(rc_parameters, max_order_to_trade, 208); RC_AT(rc_parameters, order_to_trade_grace, 216);
RC_AT(rc_parameters, max_reject_rate, 224); RC_AT(rc_parameters, max_venue_exposure, 232);
RC_AT(rc_parameters, heartbeat_timeout_ns, 240); RC_AT(rc_parameters, require_heartbeat, 248);
RC_AT(rc_parameters, execution_interval_ns, 256); RC_AT(rc_parameters, execution_burst_ns, 264);
RC_AT(rc_parameters, acknowledgement_timeout_ns, 272); RC_AT(rc_parameters, price_collar, 280);
RC_AT(rc_parameters, exit_collar, 288); RC_AT(rc_parameters, max_quote_age_ns, 296);
RC_AT(rc_parameters, max_rate_age_ns, 304); RC_AT(rc_parameters, max_spread, 312);
RC_AT(rc_parameters, max_visible_share, 320); RC_AT(rc_parameters, max_traded_share, 328);
RC_AT(rc_parameters, liquidity_window_ns, 336); RC_AT(rc_parameters, max_volatility, 344);
RC_AT(rc_parameters, max_flash_move, 352); RC_AT(rc_parameters, flash_window_ns, 360);
RC_AT(rc_parameters, crash_reduce_only, 368); RC_AT(rc_parameters, crash_probability, 376);
RC_AT(rc_parameters, performance_floor, 384); RC_AT(rc_parameters, performance_min_trades, 392);
RC_AT(rc_parameters, performance_decay, 400); RC_AT(rc_parameters, probation_factor, 408);
RC_AT(rc_parameters, max_latency_ns, 416); RC_AT(rc_parameters, latency_decay, 424);
RC_AT(rc_parameters, error_interval_ns, 432); RC_AT(rc_parameters, error_burst_ns, 440);
RC_AT(rc_parameters, max_data_gap_ns, 448); RC_AT(rc_parameters, monitor_timeout_ns, 456);
RC_AT(rc_parameters, require_monitor, 464); RC_AT(rc_parameters, max_same_time_events, 472);
RC_AT(rc_parameters, sample_interval_ns, 480); RC_AT(rc_parameters, variance_decay, 488);
RC_AT(rc_parameters, covariance_decay, 496); RC_AT(rc_parameters, initial_correlation, 504);
RC_AT(rc_parameters, tail_degrees_of_freedom, 512); RC_AT(rc_parameters, stop_multiple, 520);
RC_AT(rc_parameters, target_multiple, 528); RC_AT(rc_parameters, stop_horizon_ns, 536);
RC_AT(rc_parameters, stop_gap, 544); RC_AT(rc_parameters, base_size, 552);
RC_AT(rc_parameters, volatility_target, 560); RC_AT(rc_parameters, volatility_multiplier, 568);
RC_AT(rc_parameters, max_leverage, 576); RC_AT(rc_parameters, risk_per_trade, 584);
RC_AT(rc_parameters, kelly_fraction, 592); RC_AT(rc_parameters, kelly_shrinkage, 600);
RC_AT(rc_parameters, kelly_wealth_floor, 608); RC_AT(rc_parameters, kelly_floor_probability, 616);
RC_AT(rc_parameters, drawdown_sizing_power, 624); RC_AT(rc_parameters, regime_risk_multiplier, 632);
RC_AT(rc_parameters, regime_size_multiplier, 664);
RC_AT(rc_parameters, regime_confidence_threshold, 696);
RC_AT(rc_parameters, regime_stop_multiplier, 728); RC_AT(rc_parameters, var_multiplier, 760);
RC_AT(rc_parameters, es_multiplier, 768); RC_AT(rc_parameters, samples_per_day, 776);
RC_AT(rc_parameters, stop_scale, 784); RC_AT(rc_parameters, padding, 792);
RC_SIZE(rc_instrument, 192);
RC_AT(rc_instrument, state, 0); RC_AT(rc_instrument, kind, 8); RC_AT(rc_instrument, venue, 16);
RC_AT(rc_instrument, currency, 24); RC_AT(rc_instrument, underlying, 32);
RC_AT(rc_instrument, symbol_id, 40); RC_AT(rc_instrument, contract_value, 48);
RC_AT(rc_instrument, initial_volatility, 56); RC_AT(rc_instrument, initial_margin, 64);
RC_AT(rc_instrument, maintenance_margin, 72); RC_AT(rc_instrument, taker_fee, 80);
RC_AT(rc_instrument, exit_cost, 88); RC_AT(rc_instrument, min_notional, 96);
RC_AT(rc_instrument, max_order_notional, 104); RC_AT(rc_instrument, max_position_notional, 112);
RC_AT(rc_instrument, max_order_lots, 120); RC_AT(rc_instrument, max_position_lots, 128);
RC_AT(rc_instrument, min_lots, 136); RC_AT(rc_instrument, lot_step, 144);
RC_AT(rc_instrument, tick_step, 152); RC_AT(rc_instrument, min_price_ticks, 160);
RC_AT(rc_instrument, max_price_ticks, 168); RC_AT(rc_instrument, shorting_allowed, 176);
RC_AT(rc_instrument, expiry_ns, 184);
RC_SIZE(rc_venue, 192);
RC_AT(rc_venue, state, 0); RC_AT(rc_venue, message_interval_ns, 8);
RC_AT(rc_venue, message_burst_ns, 16); RC_AT(rc_venue, message_reserve_ns, 24);
RC_AT(rc_venue, message_arrival_ns, 32); RC_AT(rc_venue, window_ns, 40);
RC_AT(rc_venue, window_limit, 48); RC_AT(rc_venue, window_reserve, 56);
RC_AT(rc_venue, window_start_ns, 64); RC_AT(rc_venue, window_used, 72);
RC_AT(rc_venue, heartbeat_ns, 80); RC_AT(rc_venue, messages_day, 88);
RC_AT(rc_venue, fills_day, 96); RC_AT(rc_venue, reject_rate, 104);
RC_AT(rc_venue, reject_decay, 112); RC_AT(rc_venue, cash, 120); RC_AT(rc_venue, equity, 128);
RC_AT(rc_venue, gross, 136); RC_AT(rc_venue, margin, 144); RC_AT(rc_venue, maintenance, 152);
RC_AT(rc_venue, messages, 160); RC_AT(rc_venue, rejects, 168); RC_AT(rc_venue, padding, 176);
RC_SIZE(rc_currency, 64);
RC_AT(rc_currency, state, 0); RC_AT(rc_currency, is_account, 8); RC_AT(rc_currency, rate, 16);
RC_AT(rc_currency, rate_time_ns, 24); RC_AT(rc_currency, instrument, 32);
RC_AT(rc_currency, shock, 40); RC_AT(rc_currency, balance, 48); RC_AT(rc_currency, unrealized, 56);
RC_SIZE(rc_strategy, 192);
RC_AT(rc_strategy, state, 0); RC_AT(rc_strategy, regime_mask, 8); RC_AT(rc_strategy, budget, 16);
RC_AT(rc_strategy, max_drawdown, 24); RC_AT(rc_strategy, max_daily_loss, 32);
RC_AT(rc_strategy, order_interval_ns, 40); RC_AT(rc_strategy, order_burst_ns, 48);
RC_AT(rc_strategy, order_arrival_ns, 56); RC_AT(rc_strategy, last_client_id, 64);
RC_AT(rc_strategy, gross, 72); RC_AT(rc_strategy, pnl, 80); RC_AT(rc_strategy, realized, 88);
RC_AT(rc_strategy, unrealized, 96); RC_AT(rc_strategy, high_water_mark, 104);
RC_AT(rc_strategy, day_start_pnl, 112); RC_AT(rc_strategy, performance, 120);
RC_AT(rc_strategy, trades, 128); RC_AT(rc_strategy, winning_trades, 136);
RC_AT(rc_strategy, probation, 144); RC_AT(rc_strategy, orders, 152);
RC_AT(rc_strategy, win_probability, 160); RC_AT(rc_strategy, payoff, 168);
RC_AT(rc_strategy, padding, 176);
RC_SIZE(rc_scenario, 64);
RC_AT(rc_scenario, enabled, 0); RC_AT(rc_scenario, in_budget, 8);
RC_AT(rc_scenario, horizon_ns, 16); RC_AT(rc_scenario, scenario_id, 24);
RC_AT(rc_scenario, currency_loss, 32); RC_AT(rc_scenario, padding, 40);
RC_SIZE(rc_shocks, 768);
RC_AT(rc_shocks, down, 0); RC_AT(rc_shocks, up, 256); RC_AT(rc_shocks, loss, 512);
RC_SIZE(rc_journal, 9280);
RC_AT(rc_journal, magic, 0); RC_AT(rc_journal, abi_version, 8); RC_AT(rc_journal, layout_hash, 16);
RC_AT(rc_journal, size_bytes, 24); RC_AT(rc_journal, capacity, 32); RC_AT(rc_journal, reserve, 40);
RC_AT(rc_journal, publish_interval, 48); RC_AT(rc_journal, publish_next, 56);
RC_AT(rc_journal, committed, 64); RC_AT(rc_journal, applied, 72); RC_AT(rc_journal, lost, 80);
RC_AT(rc_journal, refused, 88); RC_AT(rc_journal, request_seen, 96);
RC_AT(rc_journal, request_status, 104); RC_AT(rc_journal, parameters_seen, 112);
RC_AT(rc_journal, parameters_status, 120); RC_AT(rc_journal, heartbeat_seen_ns, 128);
RC_AT(rc_journal, kill_seen, 136); RC_AT(rc_journal, lost_applied, 144);
RC_AT(rc_journal, spare, 152); RC_AT(rc_journal, drained, 192); RC_AT(rc_journal, spare_2, 200);
RC_AT(rc_journal, draft, 256); RC_AT(rc_journal, parameters, 8448);
RC_SIZE(rc_journal_record, 192);
RC_AT(rc_journal_record, sequence, 0); RC_AT(rc_journal_record, checksum, 8);
RC_AT(rc_journal_record, parts, 16); RC_AT(rc_journal_record, kind, 24);
RC_AT(rc_journal_record, time_ns, 32); RC_AT(rc_journal_record, venue_time_ns, 40);
RC_AT(rc_journal_record, id, 48); RC_AT(rc_journal_record, handle, 56);
RC_AT(rc_journal_record, instrument, 64); RC_AT(rc_journal_record, strategy, 72);
RC_AT(rc_journal_record, venue, 80); RC_AT(rc_journal_record, currency, 88);
RC_AT(rc_journal_record, side, 96); RC_AT(rc_journal_record, type, 104);
RC_AT(rc_journal_record, time_in_force, 112); RC_AT(rc_journal_record, order_flags, 120);
RC_AT(rc_journal_record, code, 128); RC_AT(rc_journal_record, lots, 136);
RC_AT(rc_journal_record, price_ticks, 144); RC_AT(rc_journal_record, lots_2, 152);
RC_AT(rc_journal_record, price_ticks_2, 160); RC_AT(rc_journal_record, value, 168);
RC_AT(rc_journal_record, value_2, 176); RC_AT(rc_journal_record, confidence, 184);
RC_SIZE(rc_control_page, 1024);
RC_AT(rc_control_page, magic, 0); RC_AT(rc_control_page, abi_version, 8);
RC_AT(rc_control_page, layout_hash, 16); RC_AT(rc_control_page, size_bytes, 24);
RC_AT(rc_control_page, spare, 32); RC_AT(rc_control_page, kill, 64);
RC_AT(rc_control_page, kill_author, 72); RC_AT(rc_control_page, request, 80);
RC_AT(rc_control_page, parameters_sequence, 88); RC_AT(rc_control_page, heartbeat_ns, 96);
RC_AT(rc_control_page, spare_2, 104); RC_AT(rc_control_page, request_code, 128);
RC_AT(rc_control_page, request_target, 136); RC_AT(rc_control_page, request_value, 144);
RC_AT(rc_control_page, request_author, 152); RC_AT(rc_control_page, spare_3, 160);
RC_AT(rc_control_page, parameters, 192);
RC_SIZE(rc_published_page, 6400);
RC_AT(rc_published_page, magic, 0); RC_AT(rc_published_page, abi_version, 8);
RC_AT(rc_published_page, layout_hash, 16); RC_AT(rc_published_page, size_bytes, 24);
RC_AT(rc_published_page, spare, 32); RC_AT(rc_published_page, sequence, 64);
RC_AT(rc_published_page, spare_2, 72); RC_AT(rc_published_page, event_count, 128);
RC_AT(rc_published_page, last_time_ns, 136); RC_AT(rc_published_page, sample_count, 144);
RC_AT(rc_published_page, journal_sequence, 152); RC_AT(rc_published_page, journal_lost, 160);
RC_AT(rc_published_page, journal_refused, 168); RC_AT(rc_published_page, parameters_version, 176);
RC_AT(rc_published_page, parameters_author, 184); RC_AT(rc_published_page, parameters_seen, 192);
RC_AT(rc_published_page, parameters_status, 200); RC_AT(rc_published_page, request_seen, 208);
RC_AT(rc_published_page, request_status, 216); RC_AT(rc_published_page, kill, 224);
RC_AT(rc_published_page, state, 232); RC_AT(rc_published_page, latches, 240);
RC_AT(rc_published_page, unknown_orders, 248); RC_AT(rc_published_page, high_water_mark, 256);
RC_AT(rc_published_page, max_drawdown_seen, 264); RC_AT(rc_published_page, realized_pnl, 272);
RC_AT(rc_published_page, fees, 280); RC_AT(rc_published_page, funding, 288);
RC_AT(rc_published_page, turnover_day, 296); RC_AT(rc_published_page, cooldown_until_ns, 304);
RC_AT(rc_published_page, regime, 312); RC_AT(rc_published_page, regime_since_ns, 320);
RC_AT(rc_published_page, latency_ewma_ns, 328); RC_AT(rc_published_page, latency_max_ns, 336);
RC_AT(rc_published_page, errors, 344); RC_AT(rc_published_page, last_quote_ns, 352);
RC_AT(rc_published_page, monitor_heartbeat_ns, 360);
RC_AT(rc_published_page, gross_leverage_used, 368);
RC_AT(rc_published_page, net_leverage_used, 376); RC_AT(rc_published_page, value_at_risk_used, 384);
RC_AT(rc_published_page, expected_shortfall_used, 392);
RC_AT(rc_published_page, stop_loss_used, 400); RC_AT(rc_published_page, herfindahl_used, 408);
RC_AT(rc_published_page, weight_used, 416); RC_AT(rc_published_page, cluster_used, 424);
RC_AT(rc_published_page, stress_used, 432); RC_AT(rc_published_page, drawdown_used, 440);
RC_AT(rc_published_page, daily_loss_used, 448); RC_AT(rc_published_page, turnover_used, 456);
RC_AT(rc_published_page, open_orders_used, 464); RC_AT(rc_published_page, position_total, 472);
RC_AT(rc_published_page, position_count, 480); RC_AT(rc_published_page, position_instrument, 488);
RC_AT(rc_published_page, position_lots, 1000); RC_AT(rc_published_page, position_value, 1512);
RC_AT(rc_published_page, position_gross, 2024); RC_AT(rc_published_page, position_var, 2536);
RC_AT(rc_published_page, position_pnl, 3048); RC_AT(rc_published_page, position_stop, 3560);
RC_AT(rc_published_page, position_latches, 4072); RC_AT(rc_published_page, decisions, 4584);
RC_AT(rc_published_page, reasons, 4616); RC_AT(rc_published_page, events, 5640);
RC_AT(rc_published_page, regime_probability, 5896); RC_AT(rc_published_page, venue_state, 5928);
RC_AT(rc_published_page, venue_gross, 5992); RC_AT(rc_published_page, strategy_state, 6056);
RC_AT(rc_published_page, strategy_pnl, 6120); RC_AT(rc_published_page, equity, 6184);
RC_AT(rc_published_page, gross_leverage, 6192); RC_AT(rc_published_page, net_leverage, 6200);
RC_AT(rc_published_page, volatility, 6208); RC_AT(rc_published_page, value_at_risk, 6216);
RC_AT(rc_published_page, value_at_risk_working, 6224);
RC_AT(rc_published_page, expected_shortfall, 6232);
RC_AT(rc_published_page, expected_shortfall_working, 6240);
RC_AT(rc_published_page, herfindahl, 6248); RC_AT(rc_published_page, largest_weight, 6256);
RC_AT(rc_published_page, cluster_risk, 6264); RC_AT(rc_published_page, stop_loss, 6272);
RC_AT(rc_published_page, stress_loss, 6280); RC_AT(rc_published_page, stress_scenario, 6288);
RC_AT(rc_published_page, drawdown, 6296); RC_AT(rc_published_page, daily_loss, 6304);
RC_AT(rc_published_page, budget, 6312); RC_AT(rc_published_page, cushion, 6320);
RC_AT(rc_published_page, free_margin, 6328); RC_AT(rc_published_page, open_orders, 6336);
RC_AT(rc_published_page, padding, 6344);
RC_SIZE(rc_payload, 2048);
RC_AT(rc_payload, words, 0); RC_AT(rc_payload, down, 1024); RC_AT(rc_payload, up, 1536);
RC_SIZE(rc_checkpoint_header, 64);
RC_AT(rc_checkpoint_header, magic, 0); RC_AT(rc_checkpoint_header, abi_version, 8);
RC_AT(rc_checkpoint_header, layout_hash, 16); RC_AT(rc_checkpoint_header, size_bytes, 24);
RC_AT(rc_checkpoint_header, sequence, 32); RC_AT(rc_checkpoint_header, checksum, 40);
RC_AT(rc_checkpoint_header, event_count, 48); RC_AT(rc_checkpoint_header, last_time_ns, 56);
RC_SIZE(rc_header, 192);
RC_AT(rc_header, magic, 0); RC_AT(rc_header, abi_version, 8); RC_AT(rc_header, layout_hash, 16);
RC_AT(rc_header, size_bytes, 24); RC_AT(rc_header, instruments, 32);
RC_AT(rc_header, strategies, 40); RC_AT(rc_header, venues, 48); RC_AT(rc_header, currencies, 56);
RC_AT(rc_header, regimes, 64); RC_AT(rc_header, window, 72); RC_AT(rc_header, scenarios, 80);
RC_AT(rc_header, orders, 88); RC_AT(rc_header, event_count, 96);
RC_AT(rc_header, last_time_ns, 104); RC_AT(rc_header, instrument_count, 112);
RC_AT(rc_header, strategy_count, 120); RC_AT(rc_header, venue_count, 128);
RC_AT(rc_header, currency_count, 136); RC_AT(rc_header, scenario_count, 144);
RC_AT(rc_header, account_currency, 152); RC_AT(rc_header, sample_count, 160);
RC_AT(rc_header, day, 168); RC_AT(rc_header, padding, 176);
RC_SIZE(rc_account, 320);
RC_AT(rc_account, equity, 0); RC_AT(rc_account, cash, 8); RC_AT(rc_account, holdings_value, 16);
RC_AT(rc_account, high_water_mark, 24); RC_AT(rc_account, drawdown, 32);
RC_AT(rc_account, max_drawdown_seen, 40); RC_AT(rc_account, budget, 48);
RC_AT(rc_account, day_start_equity, 56); RC_AT(rc_account, gross, 64);
RC_AT(rc_account, net_long, 72); RC_AT(rc_account, net_short, 80); RC_AT(rc_account, stop_loss, 88);
RC_AT(rc_account, herfindahl, 96); RC_AT(rc_account, working_sigma, 104);
RC_AT(rc_account, working_notional, 112); RC_AT(rc_account, variance, 120);
RC_AT(rc_account, turnover_day, 128); RC_AT(rc_account, realized_pnl, 136);
RC_AT(rc_account, fees, 144); RC_AT(rc_account, funding, 152); RC_AT(rc_account, transfers, 160);
RC_AT(rc_account, settlements, 168); RC_AT(rc_account, breaks, 176);
RC_AT(rc_account, currency_exposure, 184); RC_AT(rc_account, open_orders, 192);
RC_AT(rc_account, losing_streak, 200); RC_AT(rc_account, cooldown_until_ns, 208);
RC_AT(rc_account, latches, 216); RC_AT(rc_account, state, 224); RC_AT(rc_account, break_count, 232);
RC_AT(rc_account, duplicate_fills, 240); RC_AT(rc_account, round_trips, 248);
RC_AT(rc_account, winning_trips, 256); RC_AT(rc_account, fill_excess, 264);
RC_AT(rc_account, padding, 272);
RC_SIZE(rc_regime, 128);
RC_AT(rc_regime, current, 0); RC_AT(rc_regime, since_ns, 8); RC_AT(rc_regime, risk_multiplier, 16);
RC_AT(rc_regime, size_multiplier, 24); RC_AT(rc_regime, confidence_threshold, 32);
RC_AT(rc_regime, stop_multiplier, 40); RC_AT(rc_regime, probability, 48);
RC_AT(rc_regime, padding, 80);
RC_SIZE(rc_system, 128);
RC_AT(rc_system, kill, 0); RC_AT(rc_system, kill_author, 8); RC_AT(rc_system, latency_ewma_ns, 16);
RC_AT(rc_system, latency_max_ns, 24); RC_AT(rc_system, error_arrival_ns, 32);
RC_AT(rc_system, errors, 40); RC_AT(rc_system, last_quote_ns, 48);
RC_AT(rc_system, same_time_events, 56); RC_AT(rc_system, monitor_heartbeat_ns, 64);
RC_AT(rc_system, free_head, 72); RC_AT(rc_system, pending_head, 80);
RC_AT(rc_system, pending_tail, 88); RC_AT(rc_system, unknown_orders, 96);
RC_AT(rc_system, next_sequence, 104); RC_AT(rc_system, canary, 112); RC_AT(rc_system, padding, 120);
RC_SIZE(rc_market, 192);
RC_AT(rc_market, mark, 0); RC_AT(rc_market, value_per_lot, 8); RC_AT(rc_market, mark_set, 16);
RC_AT(rc_market, quote_state, 24); RC_AT(rc_market, quote_time_ns, 32);
RC_AT(rc_market, bid_ticks, 40); RC_AT(rc_market, ask_ticks, 48); RC_AT(rc_market, bid_lots, 56);
RC_AT(rc_market, ask_lots, 64); RC_AT(rc_market, trade_ticks, 72);
RC_AT(rc_market, trade_time_ns, 80); RC_AT(rc_market, traded_bucket_ns, 88);
RC_AT(rc_market, traded_lots, 96); RC_AT(rc_market, traded_lots_before, 104);
RC_AT(rc_market, flash_bucket_ns, 112); RC_AT(rc_market, flash_low, 120);
RC_AT(rc_market, flash_high, 128); RC_AT(rc_market, flash_low_before, 136);
RC_AT(rc_market, flash_high_before, 144); RC_AT(rc_market, bad_quotes, 152);
RC_AT(rc_market, good_quote_ns, 160); RC_AT(rc_market, padding, 168);
RC_SIZE(rc_volatility, 128);
RC_AT(rc_volatility, variance, 0); RC_AT(rc_volatility, volatility, 8);
RC_AT(rc_volatility, sample_mark, 16); RC_AT(rc_volatility, sample_set, 24);
RC_AT(rc_volatility, sample_count, 32); RC_AT(rc_volatility, missing_count, 40);
RC_AT(rc_volatility, last_return, 48); RC_AT(rc_volatility, stop_distance, 56);
RC_AT(rc_volatility, sample_quote_ns, 64); RC_AT(rc_volatility, padding, 72);
RC_SIZE(rc_position, 320);
RC_AT(rc_position, net_lots, 0); RC_AT(rc_position, working_buy_lots, 8);
RC_AT(rc_position, working_sell_lots, 16); RC_AT(rc_position, gross, 24);
RC_AT(rc_position, long_value, 32); RC_AT(rc_position, short_value, 40);
RC_AT(rc_position, margin, 48); RC_AT(rc_position, maintenance, 56);
RC_AT(rc_position, stop_loss, 64); RC_AT(rc_position, value_at_risk, 72);
RC_AT(rc_position, stop_fraction_long, 80); RC_AT(rc_position, stop_fraction_short, 88);
RC_AT(rc_position, latches, 96); RC_AT(rc_position, stop_breached, 104);
RC_AT(rc_position, unknown_orders, 112); RC_AT(rc_position, own_best_bid, 120);
RC_AT(rc_position, own_best_ask, 128); RC_AT(rc_position, buy_head, 136);
RC_AT(rc_position, sell_head, 144); RC_AT(rc_position, linked_balance, 152);
RC_AT(rc_position, cost, 160); RC_AT(rc_position, average_price, 168);
RC_AT(rc_position, unrealized_pnl, 176); RC_AT(rc_position, equity_value, 184);
RC_AT(rc_position, realized_pnl, 192); RC_AT(rc_position, fees, 200);
RC_AT(rc_position, funding, 208); RC_AT(rc_position, trip_pnl, 216);
RC_AT(rc_position, stop_price, 224); RC_AT(rc_position, target_price, 232);
RC_AT(rc_position, execution_arrival_ns, 240); RC_AT(rc_position, fill_count, 248);
RC_AT(rc_position, open_order_count, 256); RC_AT(rc_position, last_fill_ns, 264);
RC_AT(rc_position, bought_lots, 272); RC_AT(rc_position, sold_lots, 280);
RC_AT(rc_position, adjusted_lots, 288); RC_AT(rc_position, buy_excess, 296);
RC_AT(rc_position, sell_excess, 304); RC_AT(rc_position, filled_value, 312);
RC_SIZE(rc_holding, 128);
RC_AT(rc_holding, lots, 0); RC_AT(rc_holding, working_buy_lots, 8);
RC_AT(rc_holding, working_sell_lots, 16); RC_AT(rc_holding, gross, 24); RC_AT(rc_holding, cost, 32);
RC_AT(rc_holding, unrealized, 40); RC_AT(rc_holding, realized, 48); RC_AT(rc_holding, open_ns, 56);
RC_AT(rc_holding, trip_pnl, 64); RC_AT(rc_holding, padding, 72);
RC_SIZE(rc_balance, 64);
RC_AT(rc_balance, amount, 0); RC_AT(rc_balance, deposits, 8); RC_AT(rc_balance, funding, 16);
RC_AT(rc_balance, realized, 24); RC_AT(rc_balance, fees, 32); RC_AT(rc_balance, adjusted, 40);
RC_AT(rc_balance, padding, 48);
RC_SIZE(rc_stress, 768);
RC_AT(rc_stress, loss, 0); RC_AT(rc_stress, ceiling, 256); RC_AT(rc_stress, budget_ceiling, 512);
RC_SIZE(rc_covariance, 40000);
RC_AT(rc_covariance, pending, 0); RC_AT(rc_covariance, cursor, 8); RC_AT(rc_covariance, passes, 16);
RC_AT(rc_covariance, cluster_count, 24); RC_AT(rc_covariance, labelled, 32);
RC_AT(rc_covariance, spare, 40); RC_AT(rc_covariance, weight, 64);
RC_AT(rc_covariance, product, 576); RC_AT(rc_covariance, product_next, 1088);
RC_AT(rc_covariance, returns, 1600); RC_AT(rc_covariance, cluster, 2112);
RC_AT(rc_covariance, cluster_next, 2624); RC_AT(rc_covariance, cluster_risk, 3136);
RC_AT(rc_covariance, underlying_gross, 3648); RC_AT(rc_covariance, variance, 4160);
RC_AT(rc_covariance, innovation, 4672); RC_AT(rc_covariance, frozen, 5184);
RC_AT(rc_covariance, ageing, 5696); RC_AT(rc_covariance, neighbour, 6720);
RC_AT(rc_covariance, matrix, 7232);
RC_SIZE(rc_history, 262208);
RC_AT(rc_history, head, 0); RC_AT(rc_history, rows, 8); RC_AT(rc_history, returns, 16);
RC_AT(rc_history, padding, 262160);
RC_SIZE(rc_order_slot, 256);
RC_AT(rc_order_slot, status, 0); RC_AT(rc_order_slot, generation, 8);
RC_AT(rc_order_slot, client_id, 16); RC_AT(rc_order_slot, venue_order_id, 24);
RC_AT(rc_order_slot, instrument, 32); RC_AT(rc_order_slot, strategy, 40);
RC_AT(rc_order_slot, side, 48); RC_AT(rc_order_slot, type, 56);
RC_AT(rc_order_slot, order_flags, 64); RC_AT(rc_order_slot, lots, 72);
RC_AT(rc_order_slot, filled_lots, 80); RC_AT(rc_order_slot, reserved_lots, 88);
RC_AT(rc_order_slot, price_ticks, 96); RC_AT(rc_order_slot, replace_lots, 104);
RC_AT(rc_order_slot, replace_ticks, 112); RC_AT(rc_order_slot, sent_ns, 120);
RC_AT(rc_order_slot, next, 128); RC_AT(rc_order_slot, previous, 136);
RC_AT(rc_order_slot, pending_next, 144); RC_AT(rc_order_slot, pending_previous, 152);
RC_AT(rc_order_slot, in_pending, 160); RC_AT(rc_order_slot, time_in_force, 168);
RC_AT(rc_order_slot, sequence, 176); RC_AT(rc_order_slot, confidence, 184);
RC_AT(rc_order_slot, acknowledged, 192); RC_AT(rc_order_slot, padding, 200);
RC_SIZE(rc_execution, 64);
RC_AT(rc_execution, execution_id, 0); RC_AT(rc_execution, instrument, 8);
RC_AT(rc_execution, venue, 16); RC_AT(rc_execution, busted, 24); RC_AT(rc_execution, cursor, 32);
RC_AT(rc_execution, booked, 40); RC_AT(rc_execution, side, 48); RC_AT(rc_execution, padding, 56);
RC_SIZE(rc_counters, 1408);
RC_AT(rc_counters, events, 0); RC_AT(rc_counters, decisions, 256); RC_AT(rc_counters, reasons, 288);
RC_AT(rc_counters, exits, 1312); RC_AT(rc_counters, late_fills, 1320);
RC_AT(rc_counters, unknown_fills, 1328); RC_AT(rc_counters, over_fills, 1336);
RC_AT(rc_counters, busts, 1344); RC_AT(rc_counters, clock_steps_back, 1352);
RC_AT(rc_counters, padding, 1360);
RC_SIZE(rc_state, 1794368);
RC_AT(rc_state, header, 0); RC_AT(rc_state, parameters, 192); RC_AT(rc_state, account, 1024);
RC_AT(rc_state, regime, 1344); RC_AT(rc_state, system, 1472); RC_AT(rc_state, instruments, 1600);
RC_AT(rc_state, market, 13888); RC_AT(rc_state, volatility, 26176);
RC_AT(rc_state, positions, 34368); RC_AT(rc_state, venues, 54848);
RC_AT(rc_state, currencies, 56384); RC_AT(rc_state, strategies, 56896);
RC_AT(rc_state, holdings, 58432); RC_AT(rc_state, balances, 123968);
RC_AT(rc_state, scenarios, 128064); RC_AT(rc_state, stress, 130112);
RC_AT(rc_state, shocks, 130880); RC_AT(rc_state, covariance, 180032);
RC_AT(rc_state, history, 220032); RC_AT(rc_state, orders, 482240);
RC_AT(rc_state, executions, 1530816); RC_AT(rc_state, counters, 1792960);

#undef RC_AT
#undef RC_SIZE

#ifdef __cplusplus
}
#endif

#endif /* RISKCORE_H */
