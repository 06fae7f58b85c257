// A small trading engine around riskcore, built as a large one would be.
//
//   market data thread ──quotes──▶ engine thread ──requests──▶ venue thread
//          │                            ◀──────reports─────────    ▲
//          └───────────────────────quotes──────────────────────────┘
//
// The engine thread (this program's main thread) is the only one that touches the account. Its loop
// takes a report or a quote, tells the account, asks the strategy, asks the gate, and sends. The
// queues are bounded and lock-free; the loop allocates nothing and makes no system call, which
// --seal and the preloaded liballocations.so let it prove.
//
// Time is the recording's: the account lives at the time of the last message. A live engine reads
// its clock instead.
//
//   make && python engine/prepare.py --out day --steady   # configuration image and recording
//   build/engine --place shm:demo --config day/account.image --recording day/quotes.bin --recycle
//   python engine/watch.py shm:demo --author Ada --kill-at 0.02    # in another terminal
//
// --recycle lets it run at full speed and alone: it forgets old records, so a kill in the midst of an
// event can leave an account that nothing rebuilds. A real engine has a drainer beside it instead
// (riskcore journal drain), without which a full journal refuses new orders.
//
// Start it again with the same place: it recovers the account, asks the venue what became of its
// orders and goes on. With a drainer, or within the journal's capacity, kill it with -9 in between
// if you like.

#include "feed.hpp"
#include "guards.hpp"
#include "latency.hpp"
#include "start_of_day.hpp"
#include "strategy.hpp"
#include "venue.hpp"

#include <riskcore.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>

#include <getopt.h>
#include <pthread.h>
#include <sched.h>

namespace engine {

struct Settings {
    std::string place, config, recording, venue, acknowledgements;
    std::int64_t events = 1000000; // quotes and reports; 0: recover, reconcile, cancel, end
    double seconds = 0.0;          // 0: no limit
    double speed = 0.0;            // of the recording; 0: as fast as it goes
    std::uint64_t seed = 1;
    std::int64_t capacity = 1 << 16;
    std::int64_t author = 1; // who starts this process, and accepts what reconciliation finds
    bool json = false, seal = false, pin = true, recycle = false;
    std::string fault; // "allocation" or "system-call": once, to show that the witnesses see it;
                       // "lost-fill": a crash between a fill and its report
};

constexpr const char *usage = R"(usage: engine --place PLACE --recording FILE [options]

  --place PLACE       where the account lives: a directory, or shm:NAME
  --recording FILE    recorded quotes, made by prepare.py
  --config FILE       configuration image for a new account, made by prepare.py
  --venue FILE        the simulated venue's own memory (default: PLACE with .venue behind it)
  --events N          end after so many events (default 1000000; 0: recover, reconcile, cancel)
  --seconds S         end after so many seconds
  --speed X           X times as fast as recorded (default: as fast as it goes)
  --seed N            of strategy and venue (default 1)
  --capacity N        records of a new account's journal (default 65536)
  --author N          who accepts what reconciliation finds; 0 for nobody (default 1)
  --recycle           reuse the journal's ring without a drainer. For benchmarks alone: what is
                      overwritten is gone, and a crash may then be beyond recovery
  --acknowledgements FILE   note what was acknowledged last, for tests of recovery
  --seal              count system calls of the hot loop with a seccomp filter
  --fault KIND        allocation or system-call: do one in the hot loop, to see it counted;
                      lost-fill: die by SIGKILL when the venue has filled and not yet reported
  --no-pin            leave threads where the system puts them
  --json              report as JSON
)";

// Set by a signal: end in an orderly way.
std::atomic<bool> interrupted{false};

// The last answers that this process has given, where they outlive it: what recovery must find.
class Acknowledgements {
public:
    static constexpr std::size_t capacity = 1024;
    explicit Acknowledgements(const std::string &path)
        : file_(rc::Mapping::create(path, sizeof(Memory)))
    {
        file_.map(rc::Mapping::Access::write);
        memory_ = new (file_.as<void>()) Memory{};
    }
    void note(std::int64_t sequence, std::int64_t checksum) noexcept
    {
        const std::int64_t number = memory_->count.load(std::memory_order_relaxed);
        Entry &entry = memory_->entries[static_cast<std::size_t>(number) % capacity];
        entry.checksum = checksum;
        entry.sequence = sequence;
        memory_->count.store(number + 1, std::memory_order_release);
    }

private:
    struct Entry {
        std::int64_t sequence = 0, checksum = 0;
    };
    struct Memory {
        std::atomic<std::int64_t> count{0};
        Entry entries[capacity]{};
    };
    rc::Mapping file_;
    Memory *memory_ = nullptr;
};

struct Counts {
    std::int64_t quotes = 0, reports = 0;
    std::int64_t orders = 0, approved = 0, resized = 0, rejected = 0;
    std::int64_t replaces = 0, replaces_rejected = 0, cancels = 0;
    std::int64_t acks = 0, fills = 0, canceled = 0, replaced = 0, expired = 0;
    std::int64_t venue_rejects = 0, cancel_rejects = 0;
    std::int64_t unexpected = 0; // statuses that a sound engine never sees
    std::int64_t journal_full = 0; // of them those for want of a drainer
    std::int64_t passed_after_kill = 0;
    std::int64_t reasons[RC_CHECK_COUNT]{};
};

// The engine's thread.
class Engine {
public:
    Engine(const Settings &settings, rc::Session &account, Quotes &quotes, Requests &requests,
           Reports &reports, Acknowledgements *acknowledgements)
        : settings_(settings), account_(account), quotes_(quotes), requests_(requests),
          reports_(reports), acknowledgements_(acknowledgements), trader_(settings.seed),
          now_(account.last_time())
    {
        next_sample_ = now_.value() + account.state().parameters.sample_interval_ns;
        deadline_ = settings.seconds > 0.0
            ? ticks() + static_cast<std::uint64_t>(settings.seconds * 1e9 / nanoseconds_per_tick())
            : ~std::uint64_t{0};
    }

    // What works at the venue from before: cancelled first.
    void adopt()
    {
        account_.for_each_order([this](rc::Handle handle, const rc_order_slot &) { cancel(handle); });
    }

    // The hot loop: no allocation, no system call, no exception.
    void run() noexcept
    {
        decide_to_end();
        while (ending_ == nullptr) {
            bool idle = true;
            Report report;
            if (reports_.pop(report)) {
                on(report);
                idle = false;
            }
            Row row;
            if (quotes_.pop(row)) {
                on(row);
                idle = false;
            }
            if (sampling_) sampling_ = account_.advance(16) == RC_BUSY;
            if (idle) _mm_pause();
            decide_to_end();
        }
    }

    // Cancel everything and wait for the venue's answers.
    void close() noexcept
    {
        account_.for_each_order([this](rc::Handle handle, const rc_order_slot &slot) {
            if (slot.status != RC_ORDER_CANCEL_PENDING) cancel(handle);
        });
        const std::uint64_t patience = ticks() + 20'000'000'000;
        while (account_.state().account.open_orders > 0 && ticks() < patience) {
            Report report;
            Row row;
            if (!reports_.pop(report)) {
                quotes_.pop(row); // the venue goes on while its quotes are taken
                std::this_thread::yield();
                continue;
            }
            on(report);
            const bool busy = report.kind == Report::Kind::cancel_reject;
            if (busy && account_.live(report.handle)) cancel(report.handle);
        }
        account_.publish();
    }

    const Counts &counts() const noexcept { return counts_; }
    const char *ending() const noexcept { return ending_; }
    std::int64_t events() const noexcept { return counts_.quotes + counts_.reports; }
    const Histogram &quote_times() const noexcept { return quote_times_; }
    const Histogram &check_times() const noexcept { return check_times_; }
    const Histogram &report_times() const noexcept { return report_times_; }

private:
    void decide_to_end() noexcept
    {
        if (counts_.quotes + counts_.reports >= settings_.events) ending_ = "events";
        else if (ticks() > deadline_) ending_ = "time";
        else if (interrupted.load(std::memory_order_relaxed)) ending_ = "signal";
        if (settings_.recycle && account_.room() < account_.journal().capacity / 4)
            __atomic_store_n(&account_.journal().drained,
                             account_.committed() - account_.journal().capacity / 2,
                             __ATOMIC_RELEASE);
    }

    Working &working(rc::Instrument i) noexcept { return working_[i.value()]; }

    // Every answer of the account is an acknowledgement.
    void acknowledge() noexcept
    {
        if (acknowledgements_ == nullptr) return;
        const std::int64_t sequence = account_.committed();
        acknowledgements_->note(sequence, account_.record(sequence).checksum);
    }
    void expect(rc::Status status) noexcept
    {
        if (!status.booked() && status != RC_INVALID_HANDLE) counts_.unexpected += 1;
        if (status == RC_JOURNAL_FULL) counts_.journal_full += 1;
        acknowledge();
    }

    // A quote: tell the account, ask the strategy, ask the gate.
    void on(const Row &row) noexcept
    {
        const std::uint64_t start = ticks();
        counts_.quotes += 1;
        now_ = std::max(now_, row.time);
        expect(account_.quote(now_, row.instrument, row.bid, row.bid_lots, row.ask, row.ask_lots));
        if (row.trade_lots.value() > 0)
            expect(account_.trade(now_, row.instrument, row.trade, row.trade_lots));
        if (now_.value() >= next_sample_) {
            next_sample_ = now_.value() + account_.state().parameters.sample_interval_ns;
            expect(account_.sample(now_));
            sampling_ = true;
        }
        const Wish wish = trader_.look(row, working(row.instrument), account_);
        if (wish.kind != Wish::Kind::nothing && requests_.has_room()) act(row, wish);
        const std::uint64_t spent = ticks() - start;
        quote_times_.add(spent);
        if (counts_.quotes % 4096 == 0) provoke();
    }

    void act(const Row &row, const Wish &wish) noexcept
    {
        Working &mine = working(row.instrument);
        if (wish.kind == Wish::Kind::cancel) {
            cancel(mine.handle);
            mine.phase = Working::Phase::changing;
            return;
        }
        Request request;
        rc::Decision decision;
        const bool killed = account_.killed();
        const std::uint64_t start = ticks();
        if (wish.kind == Wish::Kind::order) {
            request.kind = Request::Kind::order;
            request.order = wish.order;
            request.order.time = now_;
            account_.check(request.order, decision);
            count(decision);
        } else {
            request.kind = Request::Kind::replace;
            request.order = wish.order;
            account_.replace(now_, mine.handle, wish.order.lots, wish.order.price, decision);
            counts_.replaces += 1;
            counts_.replaces_rejected += decision.rejected() ? 1 : 0;
        }
        check_times_.add(ticks() - start);
        acknowledge();
        if (decision.rejected()) {
            trader_.refused(row.instrument);
            if (decision.objected(RC_KILL_SWITCH)) ending_ = "kill";
            return;
        }
        counts_.passed_after_kill += killed || account_.killed() ? 1 : 0;
        mine.phase = wish.kind == Wish::Kind::order ? Working::Phase::sent : Working::Phase::changing;
        mine.changed = now_;
        if (wish.kind == Wish::Kind::order) {
            mine.handle = decision.handle();
            mine.side = wish.order.side;
            mine.lots = decision.lots();
            mine.price = wish.order.price;
            request.order.lots = decision.lots();
        }
        request.time = now_;
        request.handle = mine.handle;
        requests_.push(request);
    }

    void count(const rc::Decision &decision) noexcept
    {
        counts_.orders += 1;
        counts_.approved += decision.action() == rc::Action::approve ? 1 : 0;
        counts_.resized += decision.action() == rc::Action::resize ? 1 : 0;
        counts_.rejected += decision.rejected() ? 1 : 0;
        for (std::int64_t r = rc_next_reason(&decision.record, -1); r >= 0;
             r = rc_next_reason(&decision.record, r))
            counts_.reasons[r] += 1;
        if (decision.status() != RC_OK) counts_.unexpected += 1;
        if (decision.status() == RC_JOURNAL_FULL) counts_.journal_full += 1;
    }

    void cancel(rc::Handle handle) noexcept
    {
        expect(account_.cancel(now_, handle));
        counts_.cancels += 1;
        Request request;
        request.kind = Request::Kind::cancel;
        request.time = now_;
        request.handle = handle;
        // One order an instrument: far fewer are ever under way than the queue has room for.
        while (!requests_.push(request)) _mm_pause();
    }

    // What the venue says is a fact: booked first, then the strategy's view of its order follows.
    void on(const Report &report) noexcept
    {
        const std::uint64_t start = ticks();
        counts_.reports += 1;
        now_ = std::max(now_, report.time);
        switch (report.kind) {
        case Report::Kind::ack:
            counts_.acks += 1;
            expect(account_.ack(now_, report.handle, rc::VenueOrderId{report.id}));
            break;
        case Report::Kind::reject:
            counts_.venue_rejects += 1;
            expect(account_.reject(now_, report.handle, report.code));
            break;
        case Report::Kind::fill: {
            counts_.fills += 1;
            rc::Fill fill;
            fill.time = now_;
            fill.handle = report.handle;
            fill.instrument = report.instrument;
            fill.strategy = report.strategy;
            fill.side = report.side;
            fill.lots = report.lots;
            fill.price = report.price;
            fill.fee = report.fee;
            fill.id = rc::ExecutionId{report.id};
            expect(account_.fill(fill));
            break;
        }
        case Report::Kind::canceled:
            counts_.canceled += 1;
            expect(account_.canceled(now_, report.handle));
            break;
        case Report::Kind::cancel_reject:
            counts_.cancel_rejects += 1;
            expect(account_.cancel_reject(now_, report.handle, report.code));
            // Everything that filled has been told by now: what is live here and gone there lost a
            // fill to a crash, and reconciliation has booked it in the position.
            if (report.code != RC_VENUE_ORDER_WORKING && account_.live(report.handle))
                expect(account_.order_status(now_, report.handle,
                                             static_cast<rc_venue_order>(report.code),
                                             report.lots));
            break;
        case Report::Kind::replaced:
            counts_.replaced += 1;
            expect(account_.replaced(now_, report.handle, report.lots, report.price));
            break;
        case Report::Kind::expired:
            counts_.expired += 1;
            expect(account_.expire(now_, report.handle));
            break;
        }
        follow(report);
        report_times_.add(ticks() - start);
    }

    void follow(const Report &report) noexcept
    {
        const std::int64_t slot = report.handle.value() & RC_HANDLE_SLOT_MASK;
        Working &mine = working_[account_.state().orders[slot].instrument];
        if (mine.handle != report.handle) return;
        if (!account_.live(report.handle)) mine.phase = Working::Phase::none;
        else if (report.kind != Report::Kind::fill) mine.phase = Working::Phase::working;
        if (report.kind == Report::Kind::replaced) {
            mine.lots = report.lots;
            mine.price = report.price;
        }
        mine.changed = now_;
    }

    // Only with --fault.
    void provoke() noexcept
    {
        if (settings_.fault.empty()) return;
        if (settings_.fault == "allocation") {
            void *volatile memory = std::malloc(100);
            std::free(memory);
        } else if (settings_.fault == "system-call")
            (void)::getppid();
    }

    const Settings &settings_;
    rc::Session &account_;
    Quotes &quotes_;
    Requests &requests_;
    Reports &reports_;
    Acknowledgements *acknowledgements_;
    Trader trader_;
    rc::Time now_;
    std::int64_t next_sample_ = 0;
    std::uint64_t deadline_ = 0;
    bool sampling_ = false;
    const char *ending_ = nullptr;
    Working working_[RC_INSTRUMENTS];
    Counts counts_;
    Histogram quote_times_, check_times_, report_times_;
};

// --- the rest is cold ----------------------------------------------------------------------------

// The hot thread gets a processor of its own where there are two or more; false where the system
// does not allow it.
bool pin(pthread_t hot, std::initializer_list<pthread_t> others)
{
    cpu_set_t rest;
    CPU_ZERO(&rest);
    if (sched_getaffinity(0, sizeof rest, &rest) != 0 || CPU_COUNT(&rest) < 2) return false;
    std::size_t last = CPU_SETSIZE - 1;
    while (!CPU_ISSET(last, &rest)) --last;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(last, &own);
    CPU_CLR(last, &rest);
    bool done = pthread_setaffinity_np(hot, sizeof own, &own) == 0;
    for (const pthread_t other : others)
        done = pthread_setaffinity_np(other, sizeof rest, &rest) == 0 && done;
    return done;
}

Settings read_arguments(int count, char **arguments)
{
    Settings s;
    enum Id { place = 256, config, recording, venue, events, seconds, speed, seed, capacity, author,
              recycle, acknowledgements, seal, fault, no_pin, json, help };
    const option options[] = {
        {"place", required_argument, nullptr, place},
        {"config", required_argument, nullptr, config},
        {"recording", required_argument, nullptr, recording},
        {"venue", required_argument, nullptr, venue},
        {"events", required_argument, nullptr, events},
        {"seconds", required_argument, nullptr, seconds},
        {"speed", required_argument, nullptr, speed},
        {"seed", required_argument, nullptr, seed},
        {"capacity", required_argument, nullptr, capacity},
        {"author", required_argument, nullptr, author},
        {"recycle", no_argument, nullptr, recycle},
        {"acknowledgements", required_argument, nullptr, acknowledgements},
        {"seal", no_argument, nullptr, seal},
        {"fault", required_argument, nullptr, fault},
        {"no-pin", no_argument, nullptr, no_pin},
        {"json", no_argument, nullptr, json},
        {"help", no_argument, nullptr, help},
        {nullptr, 0, nullptr, 0},
    };
    const auto number = [](const char *name, auto read) {
        char *end = nullptr;
        errno = 0;
        const auto value = read(optarg, &end);
        if (errno != 0 || end == optarg || *end != '\0' || value < 0)
            throw rc::Error(std::string{"--"} + name + " is '" + optarg
                            + "': allowed is a number from 0 up");
        return value;
    };
    const auto integer = [](const char *text, char **end) { return std::strtoll(text, end, 10); };
    const auto real = [](const char *text, char **end) { return std::strtod(text, end); };
    for (int id = 0; (id = getopt_long(count, arguments, "", options, nullptr)) != -1;) {
        switch (id) {
        case place: s.place = optarg; break;
        case config: s.config = optarg; break;
        case recording: s.recording = optarg; break;
        case venue: s.venue = optarg; break;
        case events: s.events = number("events", integer); break;
        case seconds: s.seconds = number("seconds", real); break;
        case speed: s.speed = number("speed", real); break;
        case seed: s.seed = static_cast<std::uint64_t>(number("seed", integer)); break;
        case capacity: s.capacity = number("capacity", integer); break;
        case author: s.author = number("author", integer); break;
        case recycle: s.recycle = true; break;
        case acknowledgements: s.acknowledgements = optarg; break;
        case seal: s.seal = true; break;
        case fault: s.fault = optarg; break;
        case no_pin: s.pin = false; break;
        case json: s.json = true; break;
        case help: std::fputs(usage, stdout); std::exit(0);
        default: std::exit(2); // getopt has said why
        }
    }
    if (s.place.empty() || s.recording.empty())
        throw rc::Error("--place and --recording are needed; see --help");
    if (!s.fault.empty() && s.fault != "allocation" && s.fault != "system-call"
        && s.fault != "lost-fill")
        throw rc::Error("--fault is '" + s.fault
                        + "': allowed is allocation, system-call or lost-fill");
    if (s.venue.empty()) {
        const rc::Place where = rc::Place::at(s.place);
        s.venue = where.directory().empty() ? where.file("venue") : s.place + ".venue";
    }
    return s;
}

// What stands in the report: names and numbers, in JSON or a line each.
class Report_writer {
public:
    explicit Report_writer(bool json) : json_(json) { std::printf("%s", json_ ? "{" : ""); }
    ~Report_writer() { std::printf("%s\n", json_ ? "}" : ""); }
    Report_writer(const Report_writer &) = delete;
    Report_writer &operator=(const Report_writer &) = delete;

    void text(const char *name, const std::string &value)
    {
        item(name);
        std::printf(json_ ? "\"%s\"" : "%s", value.c_str());
    }
    void integer(const char *name, std::int64_t value)
    {
        item(name);
        std::printf("%lld", static_cast<long long>(value));
    }
    void real(const char *name, double value)
    {
        item(name);
        std::printf("%.17g", value);
    }
    void truth(const char *name, bool value)
    {
        item(name);
        std::printf(value ? "true" : "false");
    }
    void nothing(const char *name, const char *why)
    {
        item(name);
        std::printf("%s", json_ ? "null" : why);
    }
    template <class Inside> void group(const char *name, Inside &&inside)
    {
        item(name);
        if (json_) std::printf("{");
        const std::string before = std::exchange(prefix_, prefix_ + "  ");
        first_ = true;
        inside();
        prefix_ = before;
        first_ = false;
        if (json_) std::printf("}");
    }

private:
    void item(const char *name)
    {
        if (json_) std::printf("%s\"%s\": ", first_ ? "" : ", ", name);
        else std::printf("\n%s%-18s ", prefix_.c_str(), name);
        first_ = false;
    }
    bool json_, first_ = true;
    std::string prefix_;
};

struct Witness {
    int seal_error = -1; // 0: sealed; -1: not asked for
    long system_calls = 0;
    std::optional<long> allocations;
};

void write_report(const Settings &settings, const rc::Session &account, const Engine &engine,
                  const VenueBook &venue, const Reconciliation &reconciliation,
                  const Witness &witness, double hot_seconds, double tick, bool pinned)
{
    const Counts &c = engine.counts();
    const rc_state &state = account.state();
    Report_writer report(settings.json);
    report.text("ended", engine.ending());
    report.integer("events", engine.events());
    report.real("seconds", hot_seconds);
    report.truth("pinned", pinned);
    report.group("recovery", [&] {
        const rc::Recovery &r = account.recovery();
        report.text("source", r.source_name());
        report.integer("committed", r.committed);
        report.integer("first_replayed", r.first);
        report.integer("lost", r.lost);
        report.truth("restarted", r.restarted);
        report.integer("orders", reconciliation.orders);
        report.integer("not_found", reconciliation.not_found);
        report.integer("positions", reconciliation.positions);
        report.integer("breaks", reconciliation.breaks);
    });
    report.group("engine", [&] {
        report.integer("quotes", c.quotes);
        report.integer("reports", c.reports);
        report.integer("orders", c.orders);
        report.integer("approved", c.approved);
        report.integer("resized", c.resized);
        report.integer("rejected", c.rejected);
        report.integer("replaces", c.replaces);
        report.integer("replaces_rejected", c.replaces_rejected);
        report.integer("cancels", c.cancels);
        report.integer("unexpected", c.unexpected);
        report.integer("passed_after_kill", c.passed_after_kill);
    });
    report.group("venue", [&] {
        report.integer("acks", c.acks);
        report.integer("rejects", c.venue_rejects);
        report.integer("fills", c.fills);
        report.integer("canceled", c.canceled);
        report.integer("cancel_rejects", c.cancel_rejects);
        report.integer("replaced", c.replaced);
        report.integer("expired", c.expired);
    });
    report.group("reasons", [&] {
        for (std::int64_t r = 0; r < RC_CHECK_COUNT; ++r)
            if (c.reasons[r] != 0) report.integer(rc_reason_name(r), c.reasons[r]);
    });
    report.group("latency_ns", [&] {
        const auto line = [&](const char *name, const Histogram &times) {
            report.group(name, [&] {
                report.integer("count", static_cast<std::int64_t>(times.count()));
                report.real("p50", times.quantile(0.5) * tick);
                report.real("p90", times.quantile(0.9) * tick);
                report.real("p99", times.quantile(0.99) * tick);
                report.real("p99_9", times.quantile(0.999) * tick);
                report.real("max", static_cast<double>(times.largest()) * tick);
            });
        };
        line("quote_to_order", engine.quote_times());
        line("check", engine.check_times());
        line("report", engine.report_times());
    });
    report.group("account", [&] {
        std::int64_t differing = 0;
        for (std::int64_t i = 0; i < RC_INSTRUMENTS; ++i)
            differing += venue.now().position[i].value() != state.positions[i].net_lots ? 1 : 0;
        report.real("equity", state.account.equity);
        report.real("drawdown", state.account.drawdown);
        report.integer("open_orders", state.account.open_orders);
        report.integer("positions_unlike_venue", differing);
        report.integer("kill", state.system.kill);
        report.integer("parameters_version", state.parameters.version);
        report.integer("parameters_author", state.parameters.author);
    });
    report.group("journal", [&] {
        const rc_published_page &page = account.published();
        report.integer("committed", account.committed());
        report.integer("lost", page.journal_lost);
        report.integer("refused", page.journal_refused);
    });
    report.group("hot_loop", [&] {
        if (witness.allocations) report.integer("allocations", *witness.allocations);
        else report.nothing("allocations", "not counted: liballocations.so is not preloaded");
        if (witness.seal_error == 0) report.integer("system_calls", witness.system_calls);
        else report.nothing("system_calls", "not counted: see --seal");
        if (witness.seal_error > 0) report.text("seal_refused", std::strerror(witness.seal_error));
    });
}

int run(int count, char **arguments)
{
    const Settings settings = read_arguments(count, arguments);
    const Recording recording(settings.recording);
    rc::Options options;
    options.capacity = settings.capacity;
    rc::Session account = rc::Session::open(rc::Place::at(settings.place), options);
    VenueBook book(settings.venue);

    // Start of day: configure a new account, or come to terms with the venue about an old one.
    if (account.committed() == 0) {
        if (settings.config.empty()) throw rc::Error("a new account needs --config");
        ConfigurationImage(settings.config).submit(account, recording[0].time);
    }
    Reconciliation reconciliation;
    if (account.recovery().restarted)
        reconciliation = reconcile(account, book, rc::Author{settings.author});
    std::unique_ptr<Acknowledgements> acknowledgements;
    if (!settings.acknowledgements.empty())
        acknowledgements = std::make_unique<Acknowledgements>(settings.acknowledgements);

    // On the heap: they are large, and must not move.
    const auto to_engine = std::make_unique<Quotes>();
    const auto to_venue = std::make_unique<Quotes>();
    const auto requests = std::make_unique<Requests>();
    const auto reports = std::make_unique<Reports>();
    const auto engine = std::make_unique<Engine>(settings, account, *to_engine, *requests, *reports,
                                                 acknowledgements.get());
    Venue venue(book, account.state(), settings.seed + 1, *to_venue, *requests, *reports);
    if (settings.fault == "lost-fill") venue.die_at_a_fill();
    const rc::Time start = std::max(recording[0].time, account.last_time());
    std::atomic<bool> stop{false};
    std::thread venue_thread([&] { venue.run(stop); });
    std::thread market_thread(
        [&] { play(recording, start, settings.speed, *to_engine, *to_venue, stop); });
    const bool pinned = settings.pin
        && pin(pthread_self(), {venue_thread.native_handle(), market_thread.native_handle()});
    std::signal(SIGINT, [](int) { interrupted.store(true); });
    std::signal(SIGTERM, [](int) { interrupted.store(true); });

    Witness witness;
    const double tick = nanoseconds_per_tick();
    if (settings.seal) witness.seal_error = Seal::close();
    engine->adopt();
    const std::uint64_t first = ticks();
    if (witness.seal_error == 0) Seal::start();
    if (allocation_count_start != nullptr) allocation_count_start();
    engine->run();
    if (allocation_count_stop != nullptr) witness.allocations = allocation_count_stop();
    if (witness.seal_error == 0) witness.system_calls = Seal::stop();
    const double seconds = static_cast<double>(ticks() - first) * tick * 1e-9;
    engine->close();

    stop.store(true, std::memory_order_release);
    market_thread.join();
    venue_thread.join();
    write_report(settings, account, *engine, book, reconciliation, witness, seconds, tick, pinned);
    if (engine->counts().journal_full > 0)
        std::fprintf(stderr,
                     "engine: the journal was full: %lld events refused; run a drainer beside the "
                     "engine, or take a larger --capacity\n",
                     static_cast<long long>(engine->counts().journal_full));
    const bool sound = engine->counts().unexpected == 0 && engine->counts().passed_after_kill == 0;
    return sound ? 0 : 1;
}

} // namespace engine

int main(int count, char **arguments)
{
    try {
        return engine::run(count, arguments);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "engine: %s\n", error.what());
        return 2;
    }
}
