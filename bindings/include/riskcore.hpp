// riskcore for C++17: types, ownership and places around the functions of riskcore.h.
//
// Header only; everything in here is a thin inline layer. What the functions mean, and what their
// statuses are, is said in riskcore.h and not repeated.
//
// A complete program. Python attaches and configures an account from YAML files, C++ opens the same
// place:
//
//     python3 -c "import riskcore; riskcore.AdaptiveRiskManager.attach(
//         'account', 'growth', time_ns=1700000000000000000)"
//
// (with shape=riskcore.Shape(instruments=256) beside 'growth' for a header that was emitted with
// --instruments 256).
//
//     #include <riskcore.hpp>
//     #include <cstdio>
//
//     int main()
//     {
//         namespace rc = riskcore;
//         const rc::Instrument bitcoin{5}; // indices follow the order in the YAML files
//         const rc::Venue venue{1};
//         const rc::Currency dollar{0};
//         const rc::Time now{1700000000000000000}; // ns since 1970, UTC: nothing reads a clock
//
//         rc::Options options;
//         options.create = false; // a misspelt place is an error, not a new account
//         rc::Session account = rc::Session::open(rc::Place::at("account"), options);
//         account.transfer(now, venue, dollar, 1e6);
//         account.quote(now, bitcoin, rc::Ticks{370000}, rc::Lots{12000}, rc::Ticks{370001},
//                       rc::Lots{9000});
//         account.trade(now, bitcoin, rc::Ticks{370001}, rc::Lots{250000});
//
//         rc::Order order;
//         order.client_id = rc::ClientId{1};
//         order.time = now;
//         order.instrument = bitcoin;
//         order.side = rc::Side::buy;
//         order.lots = rc::Lots{8000};
//         order.price = rc::Ticks{370001};
//         order.confidence = 0.9;
//         const rc::Decision decision = account.check(order);
//         std::printf("%s %lld lots\n", rc::name(decision.action()),
//                     static_cast<long long>(decision.lots().value()));
//         decision.for_each_reason([](const char *reason) { std::printf("  %s\n", reason); });
//         if (decision.rejected()) return 0;
//         // Send decision.lots() to the venue. What comes back names the order by its handle.
//         account.ack(now, decision.handle(), rc::VenueOrderId{77});
//     }
//
// It prints what the program at the top of riskcore.h prints: RESIZE 2702 lots, and six reasons. The
// account stays: run again, it finds the order's identifier used (DUPLICATE_CLIENT_ID).
//
// `Core` is one account in memory: every method is one call of the library. `Session` is the same
// with everything around it: each event is written to a journal that survives the process before
// it is applied, other processes steer through a control page and look at a published page, and
// `Session::open` recovers what an earlier process left. Both have the same methods. `ControlPage`
// and `PublishedPage` are the other processes' side.
//
// Numbers of different kinds are different types (`Ticks`, `Lots`, `Instrument`, `Time`, ...):
// none converts to another or from a plain integer, and each costs what an int64_t costs.
//
// Errors. Hot calls are noexcept and answer with a `Status` or an `Action`. Cold calls (what opens
// memory: `Core`, `Session::open`, `ControlPage::open`, `PublishedPage::open`, `Place::at`) throw
// `riskcore::Error`, the only exception of this header, whose what() is one line for a person.
// With -fno-exceptions they write that line to stderr and end the process: nothing trades yet.
//
// Threads. As riskcore.h says: one thread calls what changes an account.
//
// Fork. A `Session` belongs to the process that opened it (a daemon forks before it opens). In a
// forked child every event is refused with RC_BAD_BUFFER, and what can be read is the parent's
// account as it moves. A child that neither execs nor ends keeps the writer's lock: no other process
// can take the account over while it lives. A `ControlPage` works in both.
#ifndef RISKCORE_HPP
#define RISKCORE_HPP

#if __cplusplus < 201703L
#error "riskcore.hpp needs C++17 or later: compile with -std=c++17"
#endif

#include <riskcore.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace riskcore {

// ================================================================================================
// Numbers
// ================================================================================================

// An int64_t of one kind. Made explicitly, compared with its own kind only.
template <class Kind> class Number {
public:
    constexpr Number() noexcept = default; // zero
    constexpr explicit Number(std::int64_t value) noexcept : value_(value) {}
    template <class Float, std::enable_if_t<std::is_floating_point_v<Float>, int> = 0>
    explicit Number(Float) = delete; // nothing is rounded in silence

    constexpr std::int64_t value() const noexcept { return value_; }

    friend constexpr bool operator==(Number a, Number b) noexcept { return a.value_ == b.value_; }
    friend constexpr bool operator!=(Number a, Number b) noexcept { return a.value_ != b.value_; }
    friend constexpr bool operator<(Number a, Number b) noexcept { return a.value_ < b.value_; }
    friend constexpr bool operator<=(Number a, Number b) noexcept { return a.value_ <= b.value_; }
    friend constexpr bool operator>(Number a, Number b) noexcept { return a.value_ > b.value_; }
    friend constexpr bool operator>=(Number a, Number b) noexcept { return a.value_ >= b.value_; }

private:
    std::int64_t value_ = 0;
};

namespace kinds {
struct Ticks { static constexpr bool adds = true; };
struct Lots { static constexpr bool adds = true; };
struct Time { static constexpr bool adds = false; };
struct Instrument { static constexpr bool adds = false; };
struct Venue { static constexpr bool adds = false; };
struct Strategy { static constexpr bool adds = false; };
struct Currency { static constexpr bool adds = false; };
struct Scenario { static constexpr bool adds = false; };
struct Handle { static constexpr bool adds = false; };
struct ClientId { static constexpr bool adds = false; };
struct VenueOrderId { static constexpr bool adds = false; };
struct ExecutionId { static constexpr bool adds = false; };
struct Author { static constexpr bool adds = false; };
} // namespace kinds

using Ticks = Number<kinds::Ticks>;               // a price
using Lots = Number<kinds::Lots>;                 // a quantity
using Time = Number<kinds::Time>;                 // ns since 1970, UTC
using Instrument = Number<kinds::Instrument>;     // indices, from 0
using Venue = Number<kinds::Venue>;
using Strategy = Number<kinds::Strategy>;
using Currency = Number<kinds::Currency>;
using Scenario = Number<kinds::Scenario>;
using Handle = Number<kinds::Handle>;             // an order, as a decision named it
using ClientId = Number<kinds::ClientId>;         // your number of an order
using VenueOrderId = Number<kinds::VenueOrderId>; // the venue's
using ExecutionId = Number<kinds::ExecutionId>;   // the venue's number of a fill
using Author = Number<kinds::Author>;             // a person or process

static_assert(sizeof(Ticks) == sizeof(std::int64_t) && std::is_trivially_copyable_v<Ticks>);
static_assert(!std::is_convertible_v<std::int64_t, Lots> && !std::is_convertible_v<Lots, Ticks>);

// Prices and quantities add up among themselves.
template <class Kind, std::enable_if_t<Kind::adds, int> = 0>
constexpr Number<Kind> operator+(Number<Kind> a, Number<Kind> b) noexcept
{
    return Number<Kind>{a.value() + b.value()};
}
template <class Kind, std::enable_if_t<Kind::adds, int> = 0>
constexpr Number<Kind> operator-(Number<Kind> a, Number<Kind> b) noexcept
{
    return Number<Kind>{a.value() - b.value()};
}

// Times differ by durations.
constexpr Time operator+(Time time, std::chrono::nanoseconds duration) noexcept
{
    return Time{time.value() + static_cast<std::int64_t>(duration.count())};
}
constexpr std::chrono::nanoseconds operator-(Time later, Time earlier) noexcept
{
    return std::chrono::nanoseconds{later.value() - earlier.value()};
}

// ================================================================================================
// Codes
// ================================================================================================

enum class Side : std::int64_t { buy = RC_BUY, sell = RC_SELL };
enum class OrderType : std::int64_t { limit = RC_LIMIT, market = RC_MARKET, stop = RC_STOP };
enum class TimeInForce : std::int64_t { gtc = RC_GTC, ioc = RC_IOC, fok = RC_FOK };
enum class Action : std::int64_t { reject = RC_REJECT, resize = RC_RESIZE, approve = RC_APPROVE };

constexpr Side opposite(Side side) noexcept
{
    return side == Side::buy ? Side::sell : Side::buy;
}

inline const char *name(Action action) noexcept
{
    return ::rc_action_name(static_cast<std::int64_t>(action));
}

// What became of an event: one of the RC_ statuses.
class Status {
public:
    constexpr Status() noexcept = default; // 0 is no status: never ok
    constexpr explicit Status(std::int64_t code) noexcept : code_(code) {}

    constexpr std::int64_t code() const noexcept { return code_; }
    const char *name() const noexcept { return ::rc_status_name(code_); }

    // The event counts, as it should.
    constexpr bool ok() const noexcept { return code_ == RC_OK; }
    // The event counts, though it may be special: a fact without its order, or without a record.
    constexpr bool booked() const noexcept
    {
        return code_ == RC_OK || code_ == RC_BOOKED_UNMATCHED || code_ == RC_NOT_JOURNALED;
    }
    friend constexpr bool operator==(Status s, std::int64_t code) noexcept
    {
        return s.code_ == code;
    }
    friend constexpr bool operator!=(Status s, std::int64_t code) noexcept
    {
        return s.code_ != code;
    }

private:
    std::int64_t code_ = 0;
};

// ================================================================================================
// Orders, decisions, fills
// ================================================================================================

// An order as you would like to send it.
struct Order {
    ClientId client_id; // strictly increasing per strategy, from 1
    Time time;
    Instrument instrument;
    Strategy strategy;
    Side side = Side::buy;
    OrderType type = OrderType::limit;
    TimeInForce time_in_force = TimeInForce::gtc;
    bool post_only = false;
    bool reduce_only = false;
    Lots lots;
    Ticks price;             // of a limit order; else zero
    Ticks stop;              // trigger of a stop order; else zero
    double confidence = 1.0; // calibrated probability of the strategy

    std::int64_t flags() const noexcept
    {
        return (post_only ? std::int64_t{RC_POST_ONLY} : 0)
            | (reduce_only ? std::int64_t{RC_REDUCE_ONLY} : 0);
    }

    ::rc_order record() const noexcept
    {
        ::rc_order order{};
        order.client_id = client_id.value();
        order.time_ns = time.value();
        order.instrument = instrument.value();
        order.strategy = strategy.value();
        order.side = static_cast<std::int64_t>(side);
        order.type = static_cast<std::int64_t>(type);
        order.time_in_force = static_cast<std::int64_t>(time_in_force);
        order.order_flags = flags();
        order.lots = lots.value();
        order.price_ticks = price.value();
        order.stop_ticks = stop.value();
        order.confidence = confidence;
        return order;
    }
};

// The answer to an order. One that was never written is a rejection.
struct Decision {
    ::rc_decision record{};

    Action action() const noexcept { return static_cast<Action>(record.action); }
    bool rejected() const noexcept { return record.action == RC_REJECT; }
    Status status() const noexcept { return Status{record.status}; }
    Lots lots() const noexcept { return Lots{record.lots}; } // send these, not those of the order
    Handle handle() const noexcept { return Handle{record.handle}; }

    // Whether a check objected to the order as asked.
    bool objected(::rc_reason reason) const noexcept
    {
        const auto number = static_cast<std::uint64_t>(reason);
        if (number >= std::uint64_t{RC_CHECK_COUNT}) return false;
        const auto word = static_cast<std::uint64_t>(record.reasons[reason / 64]);
        return ((word >> (static_cast<unsigned>(reason) % 64U)) & 1U) != 0U;
    }

    // Call `visit` with the name of every check that objected.
    template <class Visit> void for_each_reason(Visit &&visit) const
    {
        for (std::int64_t r = ::rc_next_reason(&record, -1); r >= 0;
             r = ::rc_next_reason(&record, r))
            visit(::rc_reason_name(r));
    }
};

// An execution, or (for `bust`) one taken back.
struct Fill {
    Time time;
    Handle handle; // zero where the order is not known
    Instrument instrument;
    Strategy strategy;
    Side side = Side::buy;
    Lots lots;
    Ticks price;
    double fee = 0.0;
    Currency fee_currency;
    ExecutionId id;
};

// ================================================================================================
// Errors
// ================================================================================================

// Why memory could not be opened, in one line.
class Error : public std::runtime_error {
public:
    explicit Error(const std::string &line) : std::runtime_error(line) {}
};

namespace detail {

[[noreturn]] inline void fail(const std::string &line)
{
#if defined(__cpp_exceptions)
    throw Error(line);
#else
    std::fprintf(stderr, "riskcore: %s\n", line.c_str());
    std::abort();
#endif
}

[[noreturn]] inline void fail_system(const std::string &what, int error)
{
    fail(what + ": " + std::strerror(error));
}

// The shape of riskcore.h.
inline std::string shape_text()
{
    return std::to_string(RC_INSTRUMENTS) + " instruments, " + std::to_string(RC_STRATEGIES)
        + " strategies, " + std::to_string(RC_VENUES) + " venues, " + std::to_string(RC_CURRENCIES)
        + " currencies, " + std::to_string(RC_REGIMES) + " regimes, window "
        + std::to_string(RC_WINDOW) + ", " + std::to_string(RC_SCENARIOS) + " scenarios, "
        + std::to_string(RC_ORDERS) + " orders";
}

// An account of another shape, in full: what it has, and what it should have.
inline void require_shape(const ::rc_header &head, const std::string &what)
{
    const struct {
        const char *name;
        std::int64_t found, expected;
    } sizes[] = {
        {"instruments", head.instruments, RC_INSTRUMENTS},
        {"strategies", head.strategies, RC_STRATEGIES},
        {"venues", head.venues, RC_VENUES},
        {"currencies", head.currencies, RC_CURRENCIES},
        {"regimes", head.regimes, RC_REGIMES},
        {"window", head.window, RC_WINDOW},
        {"scenarios", head.scenarios, RC_SCENARIOS},
        {"orders", head.orders, RC_ORDERS},
    };
    std::string differing;
    for (const auto &size : sizes)
        if (size.found != size.expected)
            differing += (differing.empty() ? "" : ", ") + (size.name
                + (" " + std::to_string(size.found)) + ", not " + std::to_string(size.expected));
    if (!differing.empty())
        fail(what + ": WRONG_SHAPE: it has " + differing
             + "; build with the header and library of its shape");
}

// Why the library does not accept something.
inline std::string refusal(std::int64_t status)
{
    const char *why = status == RC_WRONG_MAGIC ? "it holds something else, or nothing"
        : status == RC_WRONG_ABI               ? "it was made by another version of the library"
        : status == RC_WRONG_SHAPE             ? "it was made for another shape"
        : status == RC_WRONG_SIZE              ? "its size is recorded as another"
        : status == RC_WRONG_LAYOUT            ? "it was made by a build with another layout"
                                               : "it is damaged";
    return std::string{::rc_status_name(status)} + ": " + why;
}

inline void require_attached(std::int64_t status, const std::string &what)
{
    if (status != RC_OK) fail(what + ": " + refusal(status));
}

// What links fits; this is for a library that took its place by other means.
inline void require_library()
{
    if (::rc_library_matches()) return;
    fail("riskcore.h and the library are of different builds: the header has layout "
         + std::to_string(RC_LAYOUT_HASH) + " and " + std::to_string(RC_STATE_SIZE)
         + " bytes for " + shape_text() + ", the library layout "
         + std::to_string(::rc_layout_hash()) + " and " + std::to_string(::rc_state_size())
         + " bytes");
}

} // namespace detail

// ================================================================================================
// Questions: what a look at an account can answer
// ================================================================================================

// Base of Core and Session. Changes nothing.
class Questions {
public:
    const ::rc_state &state() const noexcept { return *state_; }
    Time last_time() const noexcept { return Time{state_->header.last_time_ns}; }
    bool killed() const noexcept { return state_->system.kill != 0; }
    bool live(Handle handle) const noexcept
    {
        const std::int64_t place = handle.value() & RC_HANDLE_SLOT_MASK;
        if (place >= RC_ORDERS) return false;
        const ::rc_order_slot &slot = state_->orders[place];
        return slot.status != RC_ORDER_FREE
            && slot.generation == handle.value() >> RC_HANDLE_SLOT_BITS;
    }

    // Call `visit` with the handle and the slot of every live order.
    template <class Visit> void for_each_order(Visit &&visit) const
    {
        for (std::int64_t k = 0; k < RC_ORDERS; ++k) {
            const ::rc_order_slot &slot = state_->orders[k];
            if (slot.status != RC_ORDER_FREE)
                visit(Handle{slot.generation << RC_HANDLE_SLOT_BITS | k}, slot);
        }
    }

    Action what_if(const Order &order, Decision &decision) const noexcept
    {
        const ::rc_order record = order.record();
        return static_cast<Action>(::rc_what_if(state_, &record, &decision.record));
    }
    [[nodiscard]] Decision what_if(const Order &order) const noexcept
    {
        Decision decision;
        what_if(order, decision);
        return decision;
    }
    Status size(const ::rc_signal &signal, ::rc_sizing &sizing) const noexcept
    {
        return Status{::rc_size(state_, &signal, &sizing)};
    }
    // Reductions that bring every budget back; their number.
    std::int64_t derisk(::rc_reduction *reductions, std::int64_t capacity) const noexcept
    {
        return ::rc_derisk(state_, reductions, capacity);
    }
    Status position_risk(Instrument instrument, ::rc_position_risk_result &risk) const noexcept
    {
        return Status{::rc_position_risk(state_, instrument.value(), &risk)};
    }
    Status portfolio_risk(::rc_portfolio_risk_result &risk) const noexcept
    {
        return Status{::rc_portfolio_risk(state_, &risk)};
    }
    Status kelly(const double (&expected_returns)[RC_INSTRUMENTS], double (&weights)[RC_INSTRUMENTS],
                 double (&scratch)[RC_INSTRUMENTS * RC_INSTRUMENTS]) const noexcept
    {
        return Status{::rc_kelly(state_, expected_returns, weights, scratch)};
    }
    // Copy the whole account: RC_STATE_SIZE bytes.
    Status checkpoint(void *memory) const noexcept
    {
        return Status{::rc_checkpoint(state_, memory)};
    }

protected:
    explicit Questions(::rc_state *state) noexcept : state_(state) {}
    ::rc_state *state_;
};

// ================================================================================================
// Core: an account in memory
// ================================================================================================

namespace detail {

struct FreeAligned {
    void operator()(::rc_state *memory) const noexcept
    {
        ::operator delete(static_cast<void *>(memory), std::align_val_t{RC_STATE_ALIGNMENT});
    }
};
using OwnedState = std::unique_ptr<::rc_state, FreeAligned>;

inline OwnedState make_state()
{
    require_library();
    void *memory =
        ::operator new(sizeof(::rc_state), std::align_val_t{RC_STATE_ALIGNMENT}, std::nothrow);
    if (memory == nullptr) fail("no memory for an account");
    OwnedState state{static_cast<::rc_state *>(memory)};
    require_attached(::rc_state_init(state.get()), "a new account");
    return state;
}

} // namespace detail

// Each method is one call of the library, without a journal: for simulations, tests, and engines
// that keep their own.
class Core : public Questions {
public:
    // An empty account on the heap.
    Core() : Core(detail::make_state()) {}
    // An account in memory of yours, which must outlive this.
    explicit Core(::rc_state &state) : Questions(&state)
    {
        detail::require_library();
        detail::require_attached(::rc_state_attach(state_), "the account");
    }

    // --- configuration
    // A version should name one set of limits: raise it with every change. Nothing here insists.
    Status set_parameters(Time time, const ::rc_parameters &parameters) noexcept
    {
        return Status{::rc_set_parameters(state_, time.value(), &parameters)};
    }
    Status set_instrument(Time time, Instrument index, const ::rc_instrument &record) noexcept
    {
        return Status{::rc_instrument_set(state_, time.value(), index.value(), &record)};
    }
    Status set_venue(Time time, Venue index, const ::rc_venue &record) noexcept
    {
        return Status{::rc_venue_set(state_, time.value(), index.value(), &record)};
    }
    Status set_currency(Time time, Currency index, const ::rc_currency &record) noexcept
    {
        return Status{::rc_currency_set(state_, time.value(), index.value(), &record)};
    }
    Status set_strategy(Time time, Strategy index, const ::rc_strategy &record) noexcept
    {
        return Status{::rc_strategy_set(state_, time.value(), index.value(), &record)};
    }
    Status set_scenario(Time time, Scenario index, const ::rc_scenario &record,
                        const double (&down)[RC_INSTRUMENTS],
                        const double (&up)[RC_INSTRUMENTS]) noexcept
    {
        return Status{::rc_scenario_set(state_, time.value(), index.value(), &record, down, up)};
    }

    // --- market and clock
    Status quote(Time time, Instrument instrument, Ticks bid, Lots bid_lots, Ticks ask,
                 Lots ask_lots) noexcept
    {
        return Status{::rc_on_quote(state_, time.value(), instrument.value(), bid.value(),
                                    bid_lots.value(), ask.value(), ask_lots.value())};
    }
    Status trade(Time time, Instrument instrument, Ticks price, Lots lots) noexcept
    {
        return Status{::rc_on_trade(state_, time.value(), instrument.value(), price.value(),
                                    lots.value())};
    }
    Status rate(Time time, Currency currency, double rate) noexcept
    {
        return Status{::rc_on_rate(state_, time.value(), currency.value(), rate)};
    }
    Status clock(Time time) noexcept { return Status{::rc_on_clock(state_, time.value())}; }
    Status sample(Time time) noexcept { return Status{::rc_on_sample(state_, time.value())}; }
    Status advance(std::int64_t max_rows) noexcept
    {
        return Status{::rc_advance(state_, max_rows)};
    }

    // --- orders
    Action check(const Order &order, Decision &decision) noexcept
    {
        const ::rc_order record = order.record();
        return static_cast<Action>(::rc_check(state_, &record, &decision.record));
    }
    Action check_batch(const ::rc_order *orders, ::rc_decision *decisions,
                       std::int64_t count) noexcept
    {
        return static_cast<Action>(::rc_check_batch(state_, orders, decisions, count));
    }
    [[nodiscard]] Decision check(const Order &order) noexcept
    {
        Decision decision;
        check(order, decision);
        return decision;
    }
    Status cancel(Time time, Handle handle) noexcept
    {
        return Status{::rc_cancel(state_, time.value(), handle.value())};
    }
    Action replace(Time time, Handle handle, Lots lots, Ticks price, Decision &decision) noexcept
    {
        return static_cast<Action>(::rc_replace(state_, time.value(), handle.value(), lots.value(),
                                                price.value(), &decision.record));
    }
    Status ack(Time time, Handle handle, VenueOrderId id) noexcept
    {
        return Status{::rc_on_ack(state_, time.value(), handle.value(), id.value())};
    }
    Status reject(Time time, Handle handle, std::int64_t code) noexcept
    {
        return Status{::rc_on_reject(state_, time.value(), handle.value(), code)};
    }
    Status canceled(Time time, Handle handle) noexcept
    {
        return Status{::rc_on_canceled(state_, time.value(), handle.value())};
    }
    Status cancel_reject(Time time, Handle handle, std::int64_t code) noexcept
    {
        return Status{::rc_on_cancel_reject(state_, time.value(), handle.value(), code)};
    }
    Status replaced(Time time, Handle handle, Lots lots, Ticks price) noexcept
    {
        return Status{::rc_on_replaced(state_, time.value(), handle.value(), lots.value(),
                                       price.value())};
    }
    Status expire(Time time, Handle handle) noexcept
    {
        return Status{::rc_on_expire(state_, time.value(), handle.value())};
    }

    // --- facts
    Status fill(const Fill &fill) noexcept
    {
        return Status{::rc_on_fill(state_, fill.time.value(), fill.handle.value(),
                                   fill.instrument.value(), fill.strategy.value(),
                                   static_cast<std::int64_t>(fill.side), fill.lots.value(),
                                   fill.price.value(), fill.fee, fill.fee_currency.value(),
                                   fill.id.value())};
    }
    Status bust(const Fill &fill) noexcept
    {
        return Status{::rc_on_bust(state_, fill.time.value(), fill.instrument.value(),
                                   fill.strategy.value(), static_cast<std::int64_t>(fill.side),
                                   fill.lots.value(), fill.price.value(), fill.fee,
                                   fill.fee_currency.value(), fill.id.value())};
    }
    Status funding(Time time, Instrument instrument, Strategy strategy, Currency currency,
                   double amount) noexcept
    {
        return Status{::rc_on_funding(state_, time.value(), instrument.value(), strategy.value(),
                                      currency.value(), amount)};
    }
    Status transfer(Time time, Venue venue, Currency currency, double amount) noexcept
    {
        return Status{::rc_on_transfer(state_, time.value(), venue.value(), currency.value(),
                                       amount)};
    }
    Status settlement(Time time, Instrument instrument, Ticks price) noexcept
    {
        return Status{::rc_on_settlement(state_, time.value(), instrument.value(), price.value())};
    }
    Status position(Time time, Instrument instrument, Lots net, Ticks price) noexcept
    {
        return Status{::rc_on_position(state_, time.value(), instrument.value(), net.value(),
                                       price.value())};
    }
    Status order_status(Time time, Handle handle, ::rc_venue_order code, Lots filled) noexcept
    {
        return Status{::rc_on_order_status(state_, time.value(), handle.value(), code,
                                           filled.value())};
    }

    // --- system
    Status heartbeat(Time time, Venue venue) noexcept
    {
        return Status{::rc_on_heartbeat(state_, time.value(), venue.value())};
    }
    Status latency(Time time, std::chrono::nanoseconds latency) noexcept
    {
        return Status{::rc_on_latency(state_, time.value(), latency.count())};
    }
    Status error(Time time, std::int64_t code) noexcept
    {
        return Status{::rc_on_error(state_, time.value(), code)};
    }
    Status control(Time time, ::rc_control_code code, std::int64_t target, std::int64_t value,
                   Author author) noexcept
    {
        return Status{::rc_control(state_, time.value(), code, target, value, author.value())};
    }
    Status regime(Time time, ::rc_regime_number regime, double probability) noexcept
    {
        return Status{::rc_on_regime(state_, time.value(), regime, probability)};
    }

private:
    explicit Core(detail::OwnedState memory) : Questions(memory.get()), memory_(std::move(memory))
    {
    }
    detail::OwnedState memory_;
};

// ================================================================================================
// Places: where an account lives so that it outlives its process
// ================================================================================================

// The files of an account: a directory of yours, or POSIX shared memory with "shm:NAME". The Python
// package opens the same places.
class Place {
public:
    static Place at(std::string_view text)
    {
        constexpr std::string_view shared = "shm:";
        if (text.substr(0, shared.size()) != shared) {
            if (text.empty()) detail::fail("a place needs a directory or shm:NAME");
            return Place{std::string{text}, std::string{text} + "/"};
        }
        const std::string_view name = text.substr(shared.size());
        constexpr std::string_view allowed =
            "_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
        const bool begins = !name.empty() && name[0] != '.' && name[0] != '-';
        const bool plain = name.find_first_not_of(allowed) == std::string_view::npos;
        if (!begins || !plain || name.size() > 201)
            detail::fail("place " + std::string{text} + ": allowed is shm: and a name of at most 201 "
                         "letters, digits, dots, dashes and underscores");
        return Place{"", "/dev/shm/" + std::string{name} + "."};
    }

    const std::string &directory() const noexcept { return directory_; } // "" for shared memory
    std::string file(const char *part) const { return prefix_ + part; }

    // Refuse a directory that is not the account's own: one of others, or of other files. Made where
    // it is missing and may be, its parents never; true where it was.
    bool require_directory(bool create) const
    {
        struct stat info {};
        if (::stat(directory_.c_str(), &info) != 0) {
            if (errno != ENOENT) detail::fail_system(directory_, errno);
            if (!create) detail::fail(directory_ + ": there is no account here, and none may be made");
            if (::mkdir(directory_.c_str(), 0700) != 0)
                detail::fail_system(directory_ + ": cannot be made", errno);
            return true;
        }
        if (!S_ISDIR(info.st_mode)) detail::fail(directory_ + ": not a directory");
        const char *elsewhere = "; name a directory of the account's own";
        if (info.st_uid != ::geteuid())
            detail::fail(directory_ + ": belongs to another user" + elsewhere);
        bool account = false, foreign = false;
        look(account, foreign);
        if ((info.st_mode & 077U) != 0U)
            detail::fail(directory_ + ": group or others have access"
                         + (account || !foreign ? "; chmod go-rwx first" : elsewhere));
        if (!account && foreign)
            detail::fail(directory_ + ": holds other files and no account" + elsewhere);
        return false;
    }

private:
    // What a directory has: a part of an account, anything that belongs to none.
    void look(bool &account, bool &foreign) const
    {
        struct Close {
            void operator()(DIR *open) const noexcept { ::closedir(open); }
        };
        const std::unique_ptr<DIR, Close> open{::opendir(directory_.c_str())};
        if (open == nullptr) detail::fail_system(directory_, errno);
        while (const dirent *entry = ::readdir(open.get())) {
            const std::string_view name{entry->d_name};
            if (name == "." || name == "..") continue;
            const bool part = name == "state" || name == "control" || name == "published"
                || name == "journal";
            const bool beside = name == "names.json" || name == "archive" || name == "journal.new"
                || name == "checkpoint-a" || name == "checkpoint-b";
            account = account || part;
            foreign = foreign || !(part || beside);
        }
    }
    Place(std::string directory, std::string prefix)
        : directory_(std::move(directory)), prefix_(std::move(prefix))
    {
    }
    std::string directory_, prefix_;
};

namespace detail {

// Path from the root on of what is there, "" of what is not.
inline std::string real_path(const std::string &path)
{
    struct Free {
        void operator()(char *text) const noexcept { std::free(text); }
    };
    const std::unique_ptr<char, Free> real{::realpath(path.c_str(), nullptr)};
    return real == nullptr ? "" : real.get();
}

// Whether a path names the file that is open.
inline bool is_at(const std::string &path, int file) noexcept
{
    struct stat open {}, found {};
    return ::fstat(file, &open) == 0 && ::lstat(path.c_str(), &found) == 0
        && open.st_dev == found.st_dev && open.st_ino == found.st_ino;
}

} // namespace detail

// A mapped file that belongs to this user alone.
class Mapping {
public:
    enum class Access { read, write };

    Mapping() noexcept = default;
    Mapping(Mapping &&other) noexcept
        : path_(std::move(other.path_)), real_(std::move(other.real_)), file_(std::exchange(other.file_, -1)),
          data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0U))
    {
    }
    Mapping &operator=(Mapping &&other) noexcept
    {
        Mapping taken{std::move(other)}; // and what was here goes with it
        std::swap(path_, taken.path_);
        std::swap(real_, taken.real_);
        std::swap(file_, taken.file_);
        std::swap(data_, taken.data_);
        std::swap(size_, taken.size_);
        return *this;
    }
    Mapping(const Mapping &) = delete;
    Mapping &operator=(const Mapping &) = delete;
    ~Mapping()
    {
        if (data_ != nullptr) ::munmap(data_, size_);
        if (file_ >= 0) ::close(file_);
    }

    // Open a file that exists and look at its owner and permissions; nothing is mapped yet.
    static Mapping open(const std::string &path, Access access)
    {
        Mapping m;
        const std::string why = m.try_open(path, access);
        if (!why.empty()) detail::fail(path + ": " + why);
        return m;
    }
    // The same for a file that can be done without: why it was not opened, or "".
    std::string try_open(const std::string &path, Access access)
    {
        path_ = path;
        const int mode = access == Access::write ? O_RDWR : O_RDONLY;
        file_ = ::open(path.c_str(), mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (file_ < 0) return std::strerror(errno);
        struct stat info {};
        if (::fstat(file_, &info) != 0) return std::strerror(errno);
        if (!S_ISREG(info.st_mode)) return "not a regular file";
        if (info.st_uid != ::geteuid()) return "belongs to another user";
        if ((info.st_mode & 077U) != 0U) return "group or others have access; chmod go-rwx first";
        size_ = static_cast<std::size_t>(info.st_size);
        real_ = detail::real_path(path_);
        return "";
    }

    // Make a file of zeros, with all of its room taken up front; none is left where there is no room.
    static Mapping create(const std::string &path, std::size_t size)
    {
        Mapping m;
        m.path_ = path;
        m.file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (m.file_ < 0) detail::fail_system(path, errno);
        m.real_ = detail::real_path(path);
        const int error = m.take_room(size);
        if (error != 0) {
            if (m.is_there()) ::unlink(path.c_str());
            detail::fail_system(path + ": no room for " + std::to_string(size) + " bytes", error);
        }
        m.size_ = size;
        return m;
    }

    void rename(const std::string &path)
    {
        if (::rename(path_.c_str(), path.c_str()) != 0) detail::fail_system(path, errno);
        path_ = path;
        real_ = detail::real_path(path_);
    }

    // A shorter file would be a fatal signal at the first touch of what is missing.
    void require_size(std::size_t size) const
    {
        const std::string why = wrong_size(size);
        if (!why.empty()) detail::fail(path_ + ": " + why);
    }
    std::string wrong_size(std::size_t size) const // why, or ""
    {
        if (size_ == size) return "";
        return "has " + std::to_string(size_) + " bytes, expected are " + std::to_string(size);
    }

    // Map it: a writer's pages are all there before the first event.
    void map(Access access)
    {
        const bool writes = access == Access::write;
        if (writes) fill_holes();
        const int protection = writes ? PROT_READ | PROT_WRITE : PROT_READ;
        const int populate = writes ? MAP_POPULATE : 0;
        void *data = ::mmap(nullptr, size_, protection, MAP_SHARED | populate, file_, 0);
        if (data == MAP_FAILED) detail::fail_system(path_ + ": cannot be mapped", errno);
        data_ = data;
#ifdef MADV_POPULATE_WRITE
        // Unlike the flag it says what is amiss. Systems before Linux 5.14 do not know it.
        const int advice = writes ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
        if (::madvise(data, size_, advice) != 0 && errno != EINVAL)
            detail::fail_system(path_ + ": cannot be mapped whole", errno);
#endif
    }

    // Read the file's first bytes without mapping it.
    void read(void *memory, std::size_t size) const
    {
        const std::string why = try_read(memory, size, 0);
        if (!why.empty()) detail::fail(path_ + ": " + why);
    }
    std::string try_read(void *memory, std::size_t size, std::size_t offset) const // why not, or ""
    {
        for (std::size_t done = 0; done < size;) {
            const ssize_t count = ::pread(file_, static_cast<char *>(memory) + done, size - done,
                                          static_cast<off_t>(offset + done));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return std::strerror(errno);
            if (count == 0) return "ends too early";
            done += static_cast<std::size_t>(count);
        }
        return "";
    }

    bool is_there() const noexcept { return detail::is_at(real_, file_); } // still, at its path

    template <class Record> Record *as() const noexcept { return static_cast<Record *>(data_); }
    const std::string &path() const noexcept { return path_; }
    std::size_t size() const noexcept { return size_; }
    int file() const noexcept { return file_; }

private:
    // A hole in a file, which a copy may have, is a fatal signal at its first touch when the medium
    // is full by then. Its bytes do not change. (posix_fallocate may write, which is for new files.)
    void fill_holes() const
    {
        int result = ::fallocate(file_, 0, 0, static_cast<off_t>(size_));
        while (result != 0 && errno == EINTR)
            result = ::fallocate(file_, 0, 0, static_cast<off_t>(size_));
        if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
            detail::fail_system(path_ + ": no room for its holes", errno);
    }
    // Of a new file; an error number, or 0.
    int take_room(std::size_t size) const noexcept
    {
        struct statvfs medium {}; // asked first: else it is full until the attempt fails
        const bool known = ::fstatvfs(file_, &medium) == 0 && medium.f_blocks != 0;
        if (known && size > medium.f_bavail * medium.f_frsize) return ENOSPC;
        return ::posix_fallocate(file_, 0, static_cast<off_t>(size));
    }

    std::string path_, real_; // as it was given, and from the root on
    int file_ = -1;
    void *data_ = nullptr;
    std::size_t size_ = 0;
};

namespace detail {

// Tells a process from its forked children, without a system call: a page that the kernel clears in
// them (Linux 4.14 or later).
class Owner {
public:
    Owner()
    {
        void *page = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) fail_system("no memory for an account", errno);
#ifdef MADV_WIPEONFORK
        ::madvise(page, sizeof(std::int64_t), MADV_WIPEONFORK);
#endif
        here_.reset(new (page) std::int64_t{1});
    }
    bool is_here() const noexcept { return *here_ != 0; }

private:
    struct Unmap {
        void operator()(std::int64_t *page) const noexcept { ::munmap(page, sizeof *page); }
    };
    std::unique_ptr<std::int64_t, Unmap> here_;
};

// The name of a place, held while its writer runs. The lock on the state goes with its file: where
// the files are removed under a writer, this one keeps a second from starting there. It is on an
// empty file in /dev/shm, named after the folder that the place is in and its name there, as that
// of the Python package is. Where none can be made, or it is somebody else's, there is no such lock.
class NameLock {
public:
    NameLock() noexcept = default;
    explicit NameLock(const Place &place) : path_(path_of(place)), process_(::getpid())
    {
        while (!path_.empty() && !try_lock(place)) {
        }
    }
    NameLock(NameLock &&other) noexcept { swap(other); }
    NameLock &operator=(NameLock &&other) noexcept
    {
        NameLock taken{std::move(other)}; // and what was here goes with it
        swap(taken);
        return *this;
    }
    NameLock(const NameLock &) = delete;
    NameLock &operator=(const NameLock &) = delete;
    ~NameLock()
    {
        if (file_ < 0) return;
        const bool ours = ::getpid() == process_; // a forked child's is its parent's
        if (ours && is_at(path_, file_)) ::unlink(path_.c_str());
        ::close(file_);
    }

private:
    void swap(NameLock &other) noexcept
    {
        std::swap(path_, other.path_);
        std::swap(process_, other.process_);
        std::swap(file_, other.file_);
    }

    static std::string path_of(const Place &place)
    {
        std::string path = place.directory().empty() ? place.file("state") : place.directory();
        while (path.size() > 1 && path.back() == '/') path.pop_back();
        std::string real = real_path(path);
        if (real.empty()) { // it is not there yet
            const std::size_t name = path.rfind('/') + 1; // 0 without a slash
            real = real_path(name == 0 ? "." : path.substr(0, name)) + '/' + path.substr(name);
        }
        const std::size_t name = real.rfind('/') + 1;
        struct stat folder {};
        if (::stat(real.substr(0, name).c_str(), &folder) != 0) return "";
        char head[64];
        std::snprintf(head, sizeof head, "/dev/shm/riskcore-%llx-%llx-",
                      static_cast<unsigned long long>(folder.st_dev),
                      static_cast<unsigned long long>(folder.st_ino));
        return head + real.substr(name, 200) + ".lock"; // more would be too long for a file
    }

    // False where the file was removed meanwhile by the one who had it.
    bool try_lock(const Place &place)
    {
        constexpr int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
        const int file = ::open(path_.c_str(), flags, 0600);
        if (file < 0) return true;
        struct stat info {};
        const bool mine = ::fstat(file, &info) == 0 && info.st_uid == ::geteuid();
        const bool locked = mine && ::flock(file, LOCK_EX | LOCK_NB) == 0;
        const bool taken = mine && !locked && errno == EWOULDBLOCK;
        if (locked && is_at(path_, file)) {
            file_ = file;
            return true;
        }
        ::close(file);
        if (taken)
            fail(place.file("state") + ": another process writes it"
                 + (::access(place.file("state").c_str(), F_OK) == 0
                        ? ""
                        : "; its files are not there: it makes them now, or they were removed "
                          "under it"));
        return !locked;
    }

    std::string path_;
    pid_t process_ = -1;
    int file_ = -1;
};

// The header of a state's file tells most about what made a place: it is asked first.
inline void require_account(const Mapping &state)
{
    ::rc_header made{};
    if (state.size() < sizeof made) state.require_size(sizeof(::rc_state));
    state.read(&made, sizeof made);
    const auto require = [&](std::int64_t found, std::int64_t expected, std::int64_t status) {
        if (found != expected) require_attached(status, state.path());
    };
    require(made.magic, RC_MAGIC, RC_WRONG_MAGIC);
    require(made.abi_version, RC_ABI_VERSION, RC_WRONG_ABI);
    require_shape(made, state.path());
    require(made.layout_hash, RC_LAYOUT_HASH, RC_WRONG_LAYOUT);
    require(made.size_bytes, std::int64_t{sizeof(::rc_state)}, RC_WRONG_SIZE);
    state.require_size(sizeof(::rc_state));
}

// Map a page of a place. Where it is none of this build, the state may say why better than it can.
template <class Page>
Mapping open_page(const Place &place, const char *part, Mapping::Access access,
                  std::int64_t (*attach)(const Page *))
{
    require_library();
    Mapping page = Mapping::open(place.file(part), access);
    if (page.size() == sizeof(Page)) {
        page.map(access);
        if (attach(page.as<const Page>()) == RC_OK) return page;
    }
    require_account(Mapping::open(place.file("state"), Mapping::Access::read));
    page.require_size(sizeof(Page));
    require_attached(attach(page.as<const Page>()), page.path());
    return page;
}

} // namespace detail

// ================================================================================================
// Session: an account with its journal
// ================================================================================================

// Of a place that is made, whether one may be, and how far to trust one that is there.
struct Options {
    std::int64_t capacity = std::int64_t{1} << 16; // records of the journal, a power of two
    std::int64_t reserve = -1;                     // of them kept for facts; -1: a sixteenth
    std::int64_t publish_interval = 1000;          // records between two published copies
    bool create = true;   // false: refuse a place without an account, which a misspelt one is
    bool rebuild = false; // true, after a power loss: not the state, but checkpoint and journal
};

// What Session::open found and did.
struct Recovery {
    enum class Source {
        created,    // the place was made
        live,       // the state was whole
        checkpoint, // a checkpoint, then the journal
        genesis     // an empty account, then the whole journal
    };
    Source source = Source::created;
    std::int64_t first = 1;     // first record that was replayed; committed + 1 for none
    std::int64_t committed = 0; // last record that the earlier processes acknowledged
    std::int64_t lost = 0;      // facts without a record: a state that was rebuilt lacks them
    bool restarted = false;     // live orders are of unknown fate now: reconcile them

    const char *source_name() const noexcept
    {
        constexpr const char *names[] = {"created", "live", "checkpoint", "genesis"};
        return names[static_cast<int>(source)];
    }
};

// The writer of a place. Every method journals its event, then applies it, then answers: what was
// answered is still there after the process. It promises nothing about power loss.
class Session : public Questions {
public:
    // Make a place, or take over what an earlier process left there; one writer at a time. After a
    // takeover every live order is of unknown fate: send what the venues say with order_status and
    // position before anything new is opened.
    static Session open(const Place &place, const Options &options = Options{})
    {
        detail::require_library();
        Session session;
        session.name_ = detail::NameLock{place};
        session.open_files(place, options);
        session.recover(place, options.rebuild);
        return session;
    }

    const Recovery &recovery() const noexcept { return recovery_; }
    const ::rc_published_page &published() const noexcept { return *page_; } // as this thread wrote
    ::rc_journal &journal() noexcept { return *journal_; }
    std::int64_t committed() const noexcept { return journal_->committed; }
    // A record that is still in the ring.
    const ::rc_journal_record &record(std::int64_t sequence) const noexcept
    {
        return ring_[(sequence - 1) & (journal_->capacity - 1)];
    }
    // Records that still fit; at or below journal().reserve new orders are refused.
    std::int64_t room() const noexcept
    {
        return journal_->capacity - journal_->committed
            + __atomic_load_n(&journal_->drained, __ATOMIC_ACQUIRE);
    }
    // Whether the place still has the files of this account. Where they were removed or replaced,
    // it goes on in memory that no other process can find and that ends with this one. System calls.
    bool is_there() const noexcept
    {
        return state_file_.is_there() && control_file_.is_there() && page_file_.is_there()
            && journal_file_.is_there();
    }
    // Ask the kernel to write everything to the disk, and wait: survival of power loss, at a price
    // of milliseconds. Nothing to do with shared memory. Not ok where the files are not there.
    Status flush() noexcept
    {
        if (!owner_.is_here()) return Status{RC_BAD_BUFFER};
        for (const Mapping *m : {&journal_file_, &state_file_})
            if (::msync(m->as<void>(), m->size(), MS_SYNC) != 0) return Status{};
        return is_there() ? Status{RC_OK} : Status{};
    }
    Status publish() noexcept
    {
        if (!owner_.is_here()) return Status{RC_BAD_BUFFER};
        return Status{::rc_publish(state_, journal_, page_)};
    }

    // Any event as a record.
    Status submit(const ::rc_event &event, ::rc_decision &decision) noexcept
    {
        if (!owner_.is_here()) return refuse(decision);
        return Status{::rc_submit(state_, journal_, ring_, control_, page_, &event, &decision)};
    }
    Status submit(const ::rc_event &event) noexcept { return submit(event, scratch_->decision); }
    // Any change of configuration: RC_ENTRY_PARAMETERS to RC_ENTRY_SCENARIO.
    Status submit_set(Time time, std::int64_t kind, std::int64_t index,
                      const ::rc_payload &payload) noexcept
    {
        if (!owner_.is_here()) return Status{RC_BAD_BUFFER};
        return Status{::rc_submit_set(state_, journal_, ring_, control_, page_, time.value(), kind,
                                      index, &payload)};
    }

    // --- configuration
    // A version should name one set of limits: raise it with every change. Nothing here insists.
    Status set_parameters(Time time, const ::rc_parameters &parameters) noexcept
    {
        return submit_record(time, RC_ENTRY_PARAMETERS, 0, parameters);
    }
    Status set_instrument(Time time, Instrument index, const ::rc_instrument &record) noexcept
    {
        return submit_record(time, RC_ENTRY_INSTRUMENT, index.value(), record);
    }
    Status set_venue(Time time, Venue index, const ::rc_venue &record) noexcept
    {
        return submit_record(time, RC_ENTRY_VENUE, index.value(), record);
    }
    Status set_currency(Time time, Currency index, const ::rc_currency &record) noexcept
    {
        return submit_record(time, RC_ENTRY_CURRENCY, index.value(), record);
    }
    Status set_strategy(Time time, Strategy index, const ::rc_strategy &record) noexcept
    {
        return submit_record(time, RC_ENTRY_STRATEGY, index.value(), record);
    }
    Status set_scenario(Time time, Scenario index, const ::rc_scenario &record,
                        const double (&down)[RC_INSTRUMENTS],
                        const double (&up)[RC_INSTRUMENTS]) noexcept
    {
        std::memcpy(scratch_->payload.down, down, sizeof down);
        std::memcpy(scratch_->payload.up, up, sizeof up);
        return submit_record(time, RC_ENTRY_SCENARIO, index.value(), record);
    }

    // --- market and clock
    Status quote(Time time, Instrument instrument, Ticks bid, Lots bid_lots, Ticks ask,
                 Lots ask_lots) noexcept
    {
        ::rc_event event = make(RC_EVENT_QUOTE, time);
        event.instrument = instrument.value();
        event.price_ticks = bid.value();
        event.lots = bid_lots.value();
        event.price_ticks_2 = ask.value();
        event.lots_2 = ask_lots.value();
        return submit(event);
    }
    Status trade(Time time, Instrument instrument, Ticks price, Lots lots) noexcept
    {
        ::rc_event event = make(RC_EVENT_TRADE, time);
        event.instrument = instrument.value();
        event.price_ticks = price.value();
        event.lots = lots.value();
        return submit(event);
    }
    Status rate(Time time, Currency currency, double rate) noexcept
    {
        ::rc_event event = make(RC_EVENT_RATE, time);
        event.currency = currency.value();
        event.value = rate;
        return submit(event);
    }
    Status clock(Time time) noexcept { return submit(make(RC_EVENT_CLOCK, time)); }
    Status sample(Time time) noexcept { return submit(make(RC_EVENT_SAMPLE, time)); }
    Status advance(std::int64_t max_rows) noexcept
    {
        ::rc_event event = make(RC_EVENT_ADVANCE, last_time());
        event.lots = max_rows;
        return submit(event);
    }

    // --- orders
    Action check(const Order &order, Decision &decision) noexcept
    {
        ::rc_event event = make(RC_EVENT_CHECK, order.time);
        event.id = order.client_id.value();
        event.instrument = order.instrument.value();
        event.strategy = order.strategy.value();
        event.side = static_cast<std::int64_t>(order.side);
        event.type = static_cast<std::int64_t>(order.type);
        event.time_in_force = static_cast<std::int64_t>(order.time_in_force);
        event.order_flags = order.flags();
        event.lots = order.lots.value();
        event.price_ticks = order.price.value();
        event.price_ticks_2 = order.stop.value();
        event.confidence = order.confidence;
        submit(event, decision.record);
        return decision.action();
    }
    Action check_batch(const ::rc_order *orders, ::rc_decision *decisions,
                       std::int64_t count) noexcept
    {
        if (!owner_.is_here()) {
            for (std::int64_t k = 0; k < count && k < RC_MAX_BATCH; ++k) refuse(decisions[k]);
            return Action::reject;
        }
        return static_cast<Action>(::rc_submit_batch(state_, journal_, ring_, control_, page_,
                                                     orders, decisions, count));
    }
    [[nodiscard]] Decision check(const Order &order) noexcept
    {
        Decision decision;
        check(order, decision);
        return decision;
    }
    Status cancel(Time time, Handle handle) noexcept
    {
        return submit(make(RC_EVENT_CANCEL, time, handle));
    }
    Action replace(Time time, Handle handle, Lots lots, Ticks price, Decision &decision) noexcept
    {
        ::rc_event event = make(RC_EVENT_REPLACE, time, handle);
        event.lots_2 = lots.value();
        event.price_ticks_2 = price.value();
        submit(event, decision.record);
        return decision.action();
    }
    Status ack(Time time, Handle handle, VenueOrderId id) noexcept
    {
        ::rc_event event = make(RC_EVENT_ACK, time, handle);
        event.id = id.value();
        return submit(event);
    }
    Status reject(Time time, Handle handle, std::int64_t code) noexcept
    {
        ::rc_event event = make(RC_EVENT_REJECT, time, handle);
        event.code = code;
        return submit(event);
    }
    Status canceled(Time time, Handle handle) noexcept
    {
        return submit(make(RC_EVENT_CANCELED, time, handle));
    }
    Status cancel_reject(Time time, Handle handle, std::int64_t code) noexcept
    {
        ::rc_event event = make(RC_EVENT_CANCEL_REJECT, time, handle);
        event.code = code;
        return submit(event);
    }
    Status replaced(Time time, Handle handle, Lots lots, Ticks price) noexcept
    {
        ::rc_event event = make(RC_EVENT_REPLACED, time, handle);
        event.lots = lots.value();
        event.price_ticks = price.value();
        return submit(event);
    }
    Status expire(Time time, Handle handle) noexcept
    {
        return submit(make(RC_EVENT_EXPIRE, time, handle));
    }

    // --- facts
    Status fill(const Fill &fill) noexcept { return submit(make(RC_EVENT_FILL, fill)); }
    Status bust(const Fill &fill) noexcept { return submit(make(RC_EVENT_BUST, fill)); }
    Status funding(Time time, Instrument instrument, Strategy strategy, Currency currency,
                   double amount) noexcept
    {
        ::rc_event event = make(RC_EVENT_FUNDING, time);
        event.instrument = instrument.value();
        event.strategy = strategy.value();
        event.currency = currency.value();
        event.value = amount;
        return submit(event);
    }
    Status transfer(Time time, Venue venue, Currency currency, double amount) noexcept
    {
        ::rc_event event = make(RC_EVENT_TRANSFER, time);
        event.venue = venue.value();
        event.currency = currency.value();
        event.value = amount;
        return submit(event);
    }
    Status settlement(Time time, Instrument instrument, Ticks price) noexcept
    {
        ::rc_event event = make(RC_EVENT_SETTLEMENT, time);
        event.instrument = instrument.value();
        event.price_ticks = price.value();
        return submit(event);
    }
    Status position(Time time, Instrument instrument, Lots net, Ticks price) noexcept
    {
        ::rc_event event = make(RC_EVENT_POSITION, time);
        event.instrument = instrument.value();
        event.lots = net.value();
        event.price_ticks = price.value();
        return submit(event);
    }
    Status order_status(Time time, Handle handle, ::rc_venue_order code, Lots filled) noexcept
    {
        ::rc_event event = make(RC_EVENT_ORDER_STATUS, time, handle);
        event.code = code;
        event.lots = filled.value();
        return submit(event);
    }

    // --- system
    Status heartbeat(Time time, Venue venue) noexcept
    {
        ::rc_event event = make(RC_EVENT_HEARTBEAT, time);
        event.venue = venue.value();
        return submit(event);
    }
    Status latency(Time time, std::chrono::nanoseconds latency) noexcept
    {
        ::rc_event event = make(RC_EVENT_LATENCY, time);
        event.value = static_cast<double>(latency.count());
        return submit(event);
    }
    Status error(Time time, std::int64_t code) noexcept
    {
        ::rc_event event = make(RC_EVENT_ERROR, time);
        event.code = code;
        return submit(event);
    }
    // RC_CONTROL_RESET_KILL undoes the kills that were taken so far, wherever they were pulled; it
    // is refused (RC_INVALID_VALUE) where one that waited on the control page came with it.
    Status control(Time time, ::rc_control_code code, std::int64_t target, std::int64_t value,
                   Author author) noexcept
    {
        ::rc_event event = make(RC_EVENT_CONTROL, time);
        event.code = code;
        event.instrument = target;
        event.lots = value;
        event.id = author.value();
        return submit(event);
    }
    Status regime(Time time, ::rc_regime_number regime, double probability) noexcept
    {
        ::rc_event event = make(RC_EVENT_REGIME, time);
        event.code = regime;
        event.value = probability;
        return submit(event);
    }

private:
    Session() : Questions(nullptr), scratch_(new Scratch{}) {}

    // What replay needs beside the account, and the payload of configuration.
    struct Scratch {
        ::rc_payload payload;
        ::rc_decision decision;
        ::rc_order orders[RC_MAX_BATCH];
        ::rc_decision decisions[RC_MAX_BATCH];
    };

    // What a forked child is told.
    static Status refuse(::rc_decision &decision) noexcept
    {
        decision = ::rc_decision{};
        decision.status = RC_BAD_BUFFER;
        return Status{RC_BAD_BUFFER};
    }

    static ::rc_event make(::rc_event_kind kind, Time time, Handle handle = Handle{}) noexcept
    {
        ::rc_event event{};
        event.kind = kind;
        event.time_ns = time.value();
        event.handle = handle.value();
        return event;
    }
    static ::rc_event make(::rc_event_kind kind, const Fill &fill) noexcept
    {
        ::rc_event event = make(kind, fill.time, fill.handle);
        event.instrument = fill.instrument.value();
        event.strategy = fill.strategy.value();
        event.side = static_cast<std::int64_t>(fill.side);
        event.lots = fill.lots.value();
        event.price_ticks = fill.price.value();
        event.value = fill.fee;
        event.currency = fill.fee_currency.value();
        event.id = fill.id.value();
        return event;
    }
    template <class Record>
    Status submit_record(Time time, std::int64_t kind, std::int64_t index,
                         const Record &record) noexcept
    {
        static_assert(sizeof(Record) <= sizeof scratch_->payload.words);
        std::memcpy(scratch_->payload.words, &record, sizeof record);
        return submit_set(time, kind, index, scratch_->payload);
    }

    static bool exists(const std::string &path)
    {
        struct stat info {};
        return ::lstat(path.c_str(), &info) == 0;
    }

    void open_files(const Place &place, const Options &options)
    {
        const bool made =
            !place.directory().empty() && place.require_directory(options.create);
        constexpr const char *parts[] = {"state", "control", "published", "journal"};
        std::string present, missing;
        for (const char *part : parts) {
            std::string &list = exists(place.file(part)) ? present : missing;
            list += list.empty() ? part : std::string{", "} + part;
        }
        if (!present.empty() && !missing.empty()) {
            if (!options.create || !remove_unfinished(place))
                detail::fail(place.file(parts[0]) + ": the place is incomplete: it has " + present
                             + " but not " + missing + "; restore it, or remove what is there");
            present.clear();
        }
        if (!present.empty()) return attach(place);
        if (!options.create)
            detail::fail(place.file(parts[0]) + ": there is no account here, and none may be made");
        create(place, options, made);
    }

    // The files of a place while they are made: all of them go again unless they are kept.
    class Unfinished {
    public:
        Unfinished(const Place &place, bool directory)
            : directory_(directory ? place.directory() : std::string{})
        {
        }
        Unfinished(const Unfinished &) = delete;
        Unfinished &operator=(const Unfinished &) = delete;
        ~Unfinished()
        {
            if (kept_) return;
            for (const std::string &path : paths_)
                if (!path.empty()) ::unlink(path.c_str());
            if (!directory_.empty()) ::rmdir(directory_.c_str());
        }
        void add(const Mapping &file) { paths_[count_++] = file.path(); }
        void keep() noexcept { kept_ = true; }

    private:
        std::string directory_, paths_[4];
        int count_ = 0;
        bool kept_ = false;
    };

    void lock_state()
    {
        if (::flock(state_file_.file(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK)
                detail::fail(state_file_.path() + ": another process writes it");
            detail::fail_system(state_file_.path() + ": cannot be locked", errno);
        }
        if (!state_file_.is_there())
            detail::fail(state_file_.path() + ": another process has replaced it; try again");
    }

    static bool is_zero(const ::rc_header &head) noexcept
    {
        const auto *bytes = reinterpret_cast<const unsigned char *>(&head);
        return std::all_of(bytes, bytes + sizeof head, [](unsigned char b) { return b == 0; });
    }

    // Remove what a process left that died while it made a place: a state without an event, and no
    // journal. False where there is anything else.
    bool remove_unfinished(const Place &place)
    {
        if (!exists(place.file("state"))) return false;
        state_file_ = Mapping::open(place.file("state"), Mapping::Access::write);
        lock_state();
        for (const char *part : {"journal", "checkpoint-a", "checkpoint-b", "names.json"})
            if (exists(place.file(part))) return false;
        ::rc_header head{};
        state_file_.read(&head, std::min(state_file_.size(), sizeof head));
        // The magic number comes last: without it the header was being written.
        const bool ours = head.magic == RC_MAGIC
            || (head.magic == 0 && head.abi_version == RC_ABI_VERSION);
        const bool begun = state_file_.size() >= sizeof head && ours && head.event_count == 0;
        if (!begun && !is_zero(head)) return false; // not ours
        for (const char *part : {"control", "published", "journal.new", "state"})
            ::unlink(place.file(part).c_str());
        state_file_ = Mapping{};
        return true;
    }

    void map_all(std::size_t journal_size)
    {
        state_file_.require_size(sizeof(::rc_state));
        control_file_.require_size(sizeof(::rc_control_page));
        page_file_.require_size(sizeof(::rc_published_page));
        journal_file_.require_size(journal_size);
        for (Mapping *m : {&state_file_, &control_file_, &page_file_, &journal_file_})
            m->map(Mapping::Access::write);
        state_ = state_file_.as<::rc_state>();
        control_ = control_file_.as<::rc_control_page>();
        page_ = page_file_.as<::rc_published_page>();
        journal_ = journal_file_.as<::rc_journal>();
        ring_ = reinterpret_cast<::rc_journal_record *>(journal_ + 1);
    }

    static std::size_t journal_size(std::int64_t capacity)
    {
        return sizeof(::rc_journal)
            + static_cast<std::size_t>(capacity) * sizeof(::rc_journal_record);
    }

    void create(const Place &place, const Options &options, bool directory)
    {
        Unfinished files{place, directory};
        const std::int64_t capacity = options.capacity;
        const std::int64_t reserve = options.reserve < 0 ? capacity / 16 : options.reserve;
        // The rules are the library's: ask it before a file is made.
        ::rc_journal trial{};
        const std::int64_t verdict =
            ::rc_journal_init(&trial, capacity, reserve, options.publish_interval);
        if (verdict != RC_OK)
            detail::fail("a journal of " + std::to_string(capacity) + " records, "
                         + std::to_string(reserve) + " of them in reserve: "
                         + ::rc_status_name(verdict));
        const std::string unfinished = place.file("journal.new");
        state_file_ = Mapping::create(place.file("state"), sizeof(::rc_state));
        lock_state(); // from here on nobody else makes or removes the rest
        files.add(state_file_);
        ::unlink(unfinished.c_str());
        control_file_ = Mapping::create(place.file("control"), sizeof(::rc_control_page));
        files.add(control_file_);
        page_file_ = Mapping::create(place.file("published"), sizeof(::rc_published_page));
        files.add(page_file_);
        journal_file_ = Mapping::create(unfinished, journal_size(capacity));
        files.add(journal_file_);
        map_all(journal_size(capacity));
        ::rc_control_init(control_);
        ::rc_page_init(page_);
        ::rc_journal_init(journal_, capacity, reserve, options.publish_interval);
        ::rc_state_init(state_);
        // The journal appears last, when all is whole.
        journal_file_.rename(place.file("journal"));
        files.keep();
    }

    void attach(const Place &place)
    {
        state_file_ = Mapping::open(place.file("state"), Mapping::Access::write);
        lock_state();
        detail::require_account(state_file_);
        control_file_ = Mapping::open(place.file("control"), Mapping::Access::write);
        page_file_ = Mapping::open(place.file("published"), Mapping::Access::write);
        journal_file_ = Mapping::open(place.file("journal"), Mapping::Access::write);
        ::rc_journal head{};
        if (journal_file_.size() < sizeof head) journal_file_.require_size(sizeof head);
        journal_file_.read(&head, sizeof head);
        detail::require_attached(::rc_journal_attach(&head), journal_file_.path());
        map_all(journal_size(head.capacity));
        detail::require_attached(::rc_control_attach(control_), control_file_.path());
        detail::require_attached(::rc_page_attach(page_), page_file_.path());
        recovery_.source = Recovery::Source::live;
    }

    void recover(const Place &place, bool distrust)
    {
        recovery_.committed = journal_->committed;
        recovery_.first = journal_->committed + 1;
        recovery_.lost = journal_->lost;
        if (recovery_.source == Recovery::Source::created) return;
        const bool whole = journal_->applied == journal_->committed &&
                           journal_->lost_applied == journal_->lost;
        const bool trusted = !distrust && whole && ::rc_state_attach(state_) == RC_OK;
        if (!trusted) rebuild(place);
        ::rc_journal_resume(journal_, control_);
        if (last_time().value() > 0) {
            const std::int64_t missing = trusted ? 0 : recovery_.lost;
            const Status status = control(last_time(), RC_CONTROL_RESTART, 0, missing, Author{0});
            if (!status.booked())
                detail::fail(state_file_.path() + ": its restart was refused: " + status.name());
            recovery_.restarted = true;
        }
        publish();
    }

    // The newest checkpoint from which the ring goes on, or an empty account; then the ring. All of
    // it in memory of this process: the place stays as it is until the result is known to be good.
    void rebuild(const Place &place)
    {
        const std::int64_t committed = journal_->committed;
        const std::int64_t drained = __atomic_load_n(&journal_->drained, __ATOMIC_ACQUIRE);
        detail::OwnedState rebuilt = detail::make_state(), other = detail::make_state();
        std::int64_t sequence = -1;
        std::string unfit;
        for (const char *part : {"checkpoint-a", "checkpoint-b"}) {
            std::int64_t found = -1;
            std::string why = read_checkpoint(place.file(part), *other, found);
            if (why.empty() && (found < drained || found > committed))
                why = "is of record " + std::to_string(found);
            if (!why.empty()) unfit += std::string{unfit.empty() ? "" : "; "} + part + ": " + why;
            if (!why.empty() || found <= sequence) continue;
            std::swap(rebuilt, other);
            sequence = found;
        }
        recovery_.source = Recovery::Source::checkpoint;
        if (sequence < 0) {
            if (drained != 0)
                detail::fail(state_file_.path() + ": the state is not whole, and no checkpoint "
                             "reaches what the journal has, records " + std::to_string(drained + 1)
                             + " to " + std::to_string(committed) + " (" + unfit
                             + "); the Python package can rebuild it from the archive");
            sequence = 0; // `rebuilt` is still empty
            recovery_.source = Recovery::Source::genesis;
        }
        recovery_.first = sequence + 1;
        const std::int64_t next =
            ::rc_replay(rebuilt.get(), ring_, journal_->capacity, 1, sequence + 1, committed,
                        &scratch_->payload, scratch_->orders, scratch_->decisions, RC_MAX_BATCH);
        if (next != committed + 1)
            detail::fail(journal_file_.path() + ": torn at record " + std::to_string(next) + " of "
                         + std::to_string(committed));
        detail::require_attached(::rc_state_attach(rebuilt.get()),
                                 state_file_.path() + ", rebuilt from record "
                                     + std::to_string(sequence) + " on");
        replace_state(*rebuilt);
    }

    // Should this process die half-way, the next one must not take the state for whole: neither
    // by the journal's numbers nor, where there is no record yet, by the state itself. Exchanges,
    // because nothing moves up over them.
    void replace_state(::rc_state &rebuilt) noexcept
    {
        if (journal_->committed > 0)
            __atomic_exchange_n(&journal_->applied, journal_->committed - 1, __ATOMIC_ACQ_REL);
        if (journal_->lost > 0) // until the restart has told the account that they are missing
            __atomic_exchange_n(&journal_->lost_applied, journal_->lost - 1, __ATOMIC_ACQ_REL);
        const std::int64_t canary = std::exchange(rebuilt.system.canary, 0);
        __atomic_exchange_n(&state_->system.canary, 0, __ATOMIC_ACQ_REL);
        std::memcpy(static_cast<void *>(state_), &rebuilt, sizeof rebuilt);
        __atomic_store_n(&state_->system.canary, canary, __ATOMIC_RELEASE);
    }

    // Read a checkpoint whole: why it does not count, or "".
    static std::string read_checkpoint(const std::string &path, ::rc_state &state,
                                       std::int64_t &sequence)
    {
        constexpr std::int64_t size = sizeof(::rc_state);
        ::rc_checkpoint_header head{};
        Mapping file;
        std::string why = file.try_open(path, Mapping::Access::read);
        if (why.empty()) why = file.wrong_size(sizeof head + sizeof state);
        if (why.empty()) why = file.try_read(&head, sizeof head, 0);
        if (why.empty()) why = file.try_read(&state, sizeof state, sizeof head);
        if (!why.empty()) return why;
        const auto sum = [](const auto &record) {
            const auto *words = reinterpret_cast<const std::int64_t *>(&record);
            return ::rc_checksum(words, sizeof record / sizeof *words);
        };
        const std::int64_t told = std::exchange(head.checksum, sum(state));
        const struct {
            std::int64_t found, expected, status;
        } parts[] = {
            {head.magic, RC_MAGIC, RC_WRONG_MAGIC},
            {head.abi_version, RC_ABI_VERSION, RC_WRONG_ABI},
            {head.size_bytes, size, RC_WRONG_SIZE},
            {head.layout_hash, RC_LAYOUT_HASH, RC_WRONG_LAYOUT},
            {told, sum(head), RC_TORN},
        };
        for (const auto &part : parts)
            if (part.found != part.expected) return detail::refusal(part.status);
        sequence = head.sequence;
        const std::int64_t status = ::rc_state_attach(&state);
        return status == RC_OK ? "" : detail::refusal(status);
    }

    ::rc_journal *journal_ = nullptr;
    ::rc_journal_record *ring_ = nullptr;
    ::rc_control_page *control_ = nullptr;
    ::rc_published_page *page_ = nullptr;
    detail::NameLock name_; // given up after the lock on the state
    Mapping state_file_, control_file_, page_file_, journal_file_;
    detail::Owner owner_;
    std::unique_ptr<Scratch> scratch_;
    Recovery recovery_;
};

// ================================================================================================
// The other processes' side
// ================================================================================================

// What a writer publishes; mapped read-only.
class PublishedPage {
public:
    static PublishedPage open(const Place &place)
    {
        return PublishedPage{detail::open_page<::rc_published_page>(
            place, "published", Mapping::Access::read, ::rc_page_attach)};
    }

    // Copy it as it was at one moment; RC_BUSY: the writer was in the way, try again.
    Status read(::rc_published_page &copy) const noexcept
    {
        return Status{::rc_page_read(file_.as<const ::rc_published_page>(), &copy)};
    }

private:
    explicit PublishedPage(Mapping file) noexcept : file_(std::move(file)) {}
    Mapping file_;
};

// How another process steers a writer: each wish becomes a journaled event before the writer's next
// one. Wishes but the kill switch take the page's lock, so several processes may steer.
class ControlPage {
public:
    static ControlPage open(const Place &place)
    {
        return ControlPage{detail::open_page<::rc_control_page>(
            place, "control", Mapping::Access::write, ::rc_control_attach)};
    }

    // The next check rejects, and so it stays until a named person resets it, here or in the writer.
    // A reset that was requested before counts only for kills before it. Never refused, never waits.
    void kill(Author author) noexcept { ::rc_control_kill(page(), author.value()); }

    // Limits for the writer's next entry. Returns the number that the published page shows in
    // parameters_seen once they are taken, with their status; 0 where the lock failed. A version
    // should name one set of limits: raise it with every change, as the Python package insists.
    std::int64_t parameters(const ::rc_parameters &parameters) noexcept
    {
        const Lock lock{file_};
        if (!lock.held) return 0;
        ::rc_control_parameters(page(), &parameters);
        return page()->parameters_sequence;
    }
    // A control event; its number alike, shown in request_seen.
    std::int64_t request(::rc_control_code code, std::int64_t target, std::int64_t value,
                         Author author) noexcept
    {
        const Lock lock{file_};
        if (!lock.held) return 0;
        const std::int64_t status =
            ::rc_control_request(page(), code, target, value, author.value());
        return status == RC_OK ? page()->request : 0;
    }
    // The monitor is alive.
    bool beat(Time time) noexcept
    {
        const Lock lock{file_};
        return lock.held && ::rc_control_beat(page(), time.value()) == RC_OK;
    }

private:
    // Of a descriptor of its own: a forked child has those of its parent, locks included.
    struct Lock {
        explicit Lock(const Mapping &page) noexcept
        {
            char self[32];
            std::snprintf(self, sizeof self, "/proc/self/fd/%d", page.file());
            file = ::open(self, O_RDWR | O_CLOEXEC);
            if (file < 0) return;
            int result = ::flock(file, LOCK_EX);
            while (result != 0 && errno == EINTR) result = ::flock(file, LOCK_EX);
            held = result == 0;
        }
        ~Lock()
        {
            if (held) ::flock(file, LOCK_UN);
            if (file >= 0) ::close(file);
        }
        Lock(const Lock &) = delete;
        Lock &operator=(const Lock &) = delete;
        int file = -1;
        bool held = false;
    };

    explicit ControlPage(Mapping file) noexcept : file_(std::move(file)) {}
    ::rc_control_page *page() const noexcept { return file_.as<::rc_control_page>(); }
    Mapping file_;
};

} // namespace riskcore

#endif // RISKCORE_HPP
