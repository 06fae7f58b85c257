// Every method of riskcore.hpp once, on a Core and on a Session: both must end with the same bytes.
// Arguments: the state of a configured account, and a place that does not exist yet.
#include <riskcore.hpp>

#include <cstdio>
#include <cstring>
#include <memory>

namespace rc = riskcore;

static int failures = 0;
static void expect(bool holds, const char *condition, int line)
{
    if (holds) return;
    std::printf("line %d: %s\n", line, condition);
    failures += 1;
}
#define EXPECT(condition) expect(condition, #condition, __LINE__)

// Numbers of one kind are numbers of no other.
template <class A, class B> constexpr bool convertible = std::is_convertible_v<A, B>;
static_assert(!convertible<rc::Ticks, rc::Lots> && !convertible<rc::Lots, std::int64_t>);
static_assert(!convertible<int, rc::Instrument> && !convertible<rc::Venue, rc::Instrument>);
static_assert(!std::is_constructible_v<rc::Lots, double> && !std::is_constructible_v<rc::Time, rc::Ticks>);
static_assert(std::is_nothrow_move_constructible_v<rc::Session>);
static_assert(!std::is_copy_constructible_v<rc::Session> && !std::is_copy_constructible_v<rc::Mapping>);
static_assert(noexcept(std::declval<rc::Session &>().check(std::declval<const rc::Order &>(),
                                                           std::declval<rc::Decision &>())));

constexpr rc::Instrument bitcoin{5};
constexpr rc::Strategy trend{0};
constexpr rc::Venue venue{1};
constexpr rc::Currency dollar{0};
constexpr rc::Time start{1700000000000000000};

static rc::Time at(int second) { return start + std::chrono::seconds{second}; }

static rc::Order order(int id, std::int64_t lots, int second)
{
    rc::Order wanted;
    wanted.client_id = rc::ClientId{id};
    wanted.time = at(second);
    wanted.instrument = bitcoin;
    wanted.strategy = trend;
    wanted.lots = rc::Lots{lots};
    wanted.price = rc::Ticks{370000};
    wanted.confidence = 0.9;
    return wanted;
}

// Configure an account like another one: every setter.
template <class Account> void configure(Account &account, const rc_state &model)
{
    EXPECT(account.set_parameters(start, model.parameters).ok());
    for (std::int64_t v = 0; v < model.header.venue_count; ++v)
        EXPECT(account.set_venue(start, rc::Venue{v}, model.venues[v]).ok());
    for (std::int64_t c = 0; c < model.header.currency_count; ++c) {
        rc_currency unlinked = model.currencies[c];
        unlinked.instrument = 0;
        EXPECT(account.set_currency(start, rc::Currency{c}, unlinked).ok());
    }
    for (std::int64_t s = 0; s < model.header.strategy_count; ++s)
        EXPECT(account.set_strategy(start, rc::Strategy{s}, model.strategies[s]).ok());
    for (std::int64_t i = 0; i < model.header.instrument_count; ++i)
        EXPECT(account.set_instrument(start, rc::Instrument{i}, model.instruments[i]).ok());
    double down[RC_INSTRUMENTS], up[RC_INSTRUMENTS];
    for (int i = 0; i < RC_INSTRUMENTS; ++i) down[i] = 0.10 + 0.001 * i, up[i] = 0.12 + 0.001 * i;
    EXPECT(account.set_scenario(start, rc::Scenario{0}, model.scenarios[0], down, up).ok());
}

template <class Account> void trade(Account &account)
{
    EXPECT(account.transfer(at(0), venue, dollar, 1e6).ok());
    EXPECT(account.rate(at(0), rc::Currency{1}, 37000.0).ok());
    EXPECT(account.quote(at(1), bitcoin, rc::Ticks{370000}, rc::Lots{12000}, rc::Ticks{370001},
                         rc::Lots{9000}).ok());
    EXPECT(account.trade(at(1), bitcoin, rc::Ticks{370001}, rc::Lots{900000}).ok());
    EXPECT(account.clock(at(2)).ok());
    EXPECT(account.heartbeat(at(2), venue).ok());
    EXPECT(account.latency(at(2), std::chrono::microseconds{3}).ok());
    EXPECT(account.regime(at(2), RC_REGIME_TRENDING, 0.9).ok());

    // Approved, acknowledged, filled in part, replaced, cancelled.
    rc::Decision decision;
    EXPECT(account.check(order(1, 100, 3), decision) == rc::Action::approve);
    EXPECT(decision.lots() == rc::Lots{100} && decision.status().ok() && !decision.rejected());
    const rc::Handle handle = decision.handle();
    EXPECT(account.live(handle));
    EXPECT(account.ack(at(3), handle, rc::VenueOrderId{71}).ok());
    rc::Fill fill;
    fill.time = at(4);
    fill.handle = handle;
    fill.instrument = bitcoin;
    fill.strategy = trend;
    fill.lots = rc::Lots{30};
    fill.price = rc::Ticks{370000};
    fill.fee = 0.5;
    fill.fee_currency = dollar;
    fill.id = rc::ExecutionId{9};
    EXPECT(account.fill(fill).ok());
    EXPECT(account.fill(fill) == RC_DUPLICATE);
    EXPECT(account.replace(at(5), handle, rc::Lots{80}, rc::Ticks{369990}, decision)
           == rc::Action::approve);
    EXPECT(account.replaced(at(5), handle, rc::Lots{80}, rc::Ticks{369990}).ok());
    EXPECT(account.cancel(at(6), handle).ok());
    EXPECT(account.cancel_reject(at(6), handle, 1).ok());
    EXPECT(account.cancel(at(6), handle).ok());
    EXPECT(account.canceled(at(6), handle).ok());
    EXPECT(!account.live(handle));
    EXPECT(account.bust(fill).ok()); // and the instrument waits for a person
    decision = account.check(order(2, 1, 6)); // the same, returned
    EXPECT(decision.action() == rc::Action::reject);
    EXPECT(decision.objected(RC_INSTRUMENT_UNRECONCILED));
    EXPECT(account.control(at(6), RC_CONTROL_RESET_INSTRUMENT, bitcoin.value(), 0, rc::Author{3})
               .ok());

    EXPECT(account.quote(at(7), bitcoin, rc::Ticks{370000}, rc::Lots{12000}, rc::Ticks{370001},
                         rc::Lots{9000}).ok());
    // Resized; rejected by the venue; expired; a batch.
    EXPECT(account.check(order(3, 8000, 7), decision) == rc::Action::resize);
    EXPECT(decision.objected(RC_ORDER_NOTIONAL_EXCEEDS_MAX) && !decision.objected(RC_KILL_SWITCH));
    int reasons = 0;
    decision.for_each_reason([&](const char *) { ++reasons; });
    EXPECT(reasons > 1);
    EXPECT(account.reject(at(7), decision.handle(), 5).ok());
    EXPECT(account.check(order(4, 10, 8), decision) == rc::Action::approve);
    EXPECT(account.expire(at(8), decision.handle()).ok());
    rc_order legs[2] = {order(5, 10, 9).record(), order(6, 20, 9).record()};
    rc_decision decisions[2];
    EXPECT(account.check_batch(legs, decisions, 2) == rc::Action::approve);
    EXPECT(account.order_status(at(9), rc::Handle{decisions[0].handle}, RC_VENUE_ORDER_WORKING,
                                rc::Lots{0}).ok());
    rc::Order exit = order(7, 5, 10);
    exit.side = rc::opposite(rc::Side::buy);
    exit.type = rc::OrderType::market;
    exit.time_in_force = rc::TimeInForce::ioc;
    exit.reduce_only = true;
    exit.price = rc::Ticks{};
    EXPECT(account.check(exit, decision) == rc::Action::reject); // there is nothing to reduce
    EXPECT(decision.objected(RC_REDUCE_ONLY_WOULD_OPEN));
    exit.confidence = 7.0;
    EXPECT(account.check(exit, decision) == rc::Action::reject);
    EXPECT(decision.status() == RC_INVALID_VALUE);

    EXPECT(account.position(at(11), bitcoin, rc::Lots{50}, rc::Ticks{370000})
           == RC_BOOKED_UNMATCHED);
    EXPECT(account.control(at(11), RC_CONTROL_RESET_INSTRUMENT, bitcoin.value(), 0, rc::Author{3})
               .ok());
    EXPECT(account.funding(at(11), bitcoin, trend, dollar, -1.25).ok());
    EXPECT(account.error(at(11), 4).ok());
    EXPECT(account.settlement(at(12), rc::Instrument{6}, rc::Ticks{200000}).code() != 0);
    EXPECT(account.sample(at(300)).ok());
    while (account.advance(16) == RC_BUSY) {}
    EXPECT(account.control(at(301), RC_CONTROL_KILL, 0, 0, rc::Author{3}).ok());
    EXPECT(account.killed());
    EXPECT(account.check(order(8, 1, 302), decision) == rc::Action::reject);
    EXPECT(decision.objected(RC_KILL_SWITCH));
    EXPECT(std::strcmp(rc::name(decision.action()), "REJECT") == 0);
}

// Questions change nothing.
static void ask(const rc::Questions &account)
{
    const auto before = std::make_unique<rc_state>(), after = std::make_unique<rc_state>();
    EXPECT(account.checkpoint(before.get()).ok());
    rc::Decision decision;
    EXPECT(account.what_if(order(9, 1, 303), decision) == rc::Action::reject);
    EXPECT(account.what_if(order(9, 1, 303)).rejected());
    rc_signal signal{};
    signal.instrument = bitcoin.value();
    signal.side = RC_BUY;
    signal.confidence = 0.9;
    rc_sizing sizing{};
    account.size(signal, sizing);
    EXPECT(sizing.status != 0);
    rc_position_risk_result position{};
    rc_portfolio_risk_result portfolio{};
    EXPECT(account.position_risk(bitcoin, position).ok() && position.exposure > 0.0);
    EXPECT(account.portfolio_risk(portfolio).ok() && portfolio.equity > 9e5);
    rc_reduction reductions[RC_INSTRUMENTS];
    EXPECT(account.derisk(reductions, RC_INSTRUMENTS) >= 0);
    static double expected[RC_INSTRUMENTS], weights[RC_INSTRUMENTS],
        scratch[RC_INSTRUMENTS * RC_INSTRUMENTS];
    EXPECT(account.kelly(expected, weights, scratch).code() != 0);
    std::int64_t orders = 0;
    account.for_each_order([&](rc::Handle handle, const rc_order_slot &slot) {
        orders += account.live(handle) && slot.instrument == bitcoin.value() ? 1 : 1000;
    });
    EXPECT(orders > 0 && orders == account.state().account.open_orders);
    EXPECT(account.last_time() == at(302));
    EXPECT(account.checkpoint(after.get()).ok());
    EXPECT(std::memcmp(before.get(), after.get(), sizeof(rc_state)) == 0);
}

// Another process's side, here in the same one: a limit, a request, a beat, the kill switch.
static void steer(rc::Session &account, const rc::Place &place)
{
    rc::ControlPage control = rc::ControlPage::open(place);
    const rc::PublishedPage published = rc::PublishedPage::open(place);
    rc_published_page page{};
    EXPECT(published.read(page).ok() && page.parameters_version == 1);

    rc_parameters limits = account.state().parameters;
    limits.version = 2;
    limits.author = 12;
    const std::int64_t number = control.parameters(limits);
    const std::int64_t request =
        control.request(RC_CONTROL_LATCH_INSTRUMENT, bitcoin.value(), 0, rc::Author{13});
    EXPECT(number > 0 && request > 0);
    EXPECT(control.request(RC_CONTROL_KILL, 0, 0, rc::Author{-1}) == 0);
    EXPECT(control.beat(at(400)));
    EXPECT(account.clock(at(400)).ok());
    EXPECT(account.publish().ok() && published.read(page).ok());
    EXPECT(page.parameters_version == 2 && page.parameters_author == 12);
    EXPECT(page.parameters_seen == number && page.parameters_status == RC_OK);
    EXPECT(page.request_seen == request && page.request_status == RC_OK);
    EXPECT((account.state().positions[bitcoin.value()].latches & RC_LATCH_OPERATOR) != 0);
    EXPECT(page.monitor_heartbeat_ns == at(400).value());

    EXPECT(account.control(at(401), RC_CONTROL_RESET_KILL, 0, 0, rc::Author{3}).ok());
    EXPECT(!account.killed());
    control.kill(rc::Author{14});
    rc::Decision decision;
    EXPECT(account.check(order(10, 1, 402), decision) == rc::Action::reject);
    EXPECT(decision.objected(RC_KILL_SWITCH) && account.state().system.kill_author == 14);
    EXPECT(account.flush().ok());
}

template <class Open> void refuses(const char *why, Open &&open)
{
    try {
        open();
        std::printf("not refused: %s\n", why);
        ++failures;
    } catch (const rc::Error &error) {
        const std::string line = error.what();
        EXPECT(line.find(why) != std::string::npos && line.find('\n') == std::string::npos);
    }
}

int main(int, char **arguments)
{
    const auto model = std::make_unique<rc_state>();
    std::FILE *file = std::fopen(arguments[1], "rb");
    if (file == nullptr || std::fread(model.get(), sizeof(rc_state), 1, file) != 1) return 2;
    std::fclose(file);

    rc::Core core;
    configure(core, *model);
    trade(core);
    ask(core);
    const rc::Core borrowed{*model}; // memory of ours that holds an account
    EXPECT(borrowed.state().header.magic == RC_MAGIC);
    const auto zeros = std::make_unique<rc_state>();
    refuses("WRONG_MAGIC", [&] { rc::Core{*zeros}; });

    const rc::Place place = rc::Place::at(arguments[2]);
    refuses("no such", [&] { // a wish to an account that is not there
        try {
            rc::ControlPage::open(place);
        } catch (const rc::Error &error) {
            std::string line = error.what();
            throw rc::Error(line.find("No such file") != std::string::npos ? "no such" : line);
        }
    });
    refuses("allowed is shm:", [] { rc::Place::at("shm:a/b"); });
    rc::Options options;
    options.capacity = 1000;
    refuses("INVALID_VALUE", [&] { rc::Session::open(place, options); });
    options.capacity = 4096;
    {
        rc::Session first = rc::Session::open(place, options);
        rc::Session account = std::move(first);
        EXPECT(account.recovery().source == rc::Recovery::Source::created);
        EXPECT(account.room() == 4096);
        configure(account, *model);
        trade(account);
        ask(account);
        EXPECT(std::memcmp(&account.state(), &core.state(), sizeof(rc_state)) == 0);
        EXPECT(account.record(account.committed()).kind == RC_EVENT_CHECK);
        EXPECT(account.room() == 4096 - account.committed());
        refuses("another process writes it", [&] { rc::Session::open(place, options); });
        EXPECT(account.publish().ok());
        steer(account, place);
    }
    rc::Session again = rc::Session::open(place);
    EXPECT(again.recovery().source == rc::Recovery::Source::live && again.recovery().restarted);
    EXPECT(again.journal().capacity == 4096 && again.killed());
    EXPECT(again.state().system.unknown_orders > 0);
    std::printf("%d failures\n", failures);
    return failures != 0;
}
