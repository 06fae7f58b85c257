// What the threads tell each other, and the file of recorded quotes.
#pragma once

#include "queue.hpp"

#include <riskcore.hpp>

namespace engine {

namespace rc = riskcore;

// One line of the recording: the best bid and ask of an instrument, and what traded with it (zero
// lots for nothing). 64 bytes in the file, in order of time.
struct Row {
    rc::Time time;
    rc::Instrument instrument;
    rc::Ticks bid;
    rc::Lots bid_lots;
    rc::Ticks ask;
    rc::Lots ask_lots;
    rc::Ticks trade;
    rc::Lots trade_lots;
};
static_assert(sizeof(Row) == 64);

// The recording's head.
struct RecordingHead {
    char magic[8]; // RCBOOK01
    std::int64_t rows;
    std::int64_t row_bytes;
    std::int64_t spare[5];
};
static_assert(sizeof(RecordingHead) == 64);

// From the engine to the venue.
struct Request {
    enum class Kind { order, cancel, replace };
    Kind kind = Kind::order;
    rc::Time time;
    rc::Handle handle; // goes along, as a client order id does
    rc::Order order;   // of an order; lots and price also of a replace
};

// From the venue to the engine.
struct Report {
    enum class Kind { ack, reject, fill, canceled, cancel_reject, replaced, expired };
    Kind kind = Kind::ack;
    rc::Time time;
    rc::Handle handle;
    rc::Instrument instrument;
    rc::Strategy strategy;
    rc::Side side = rc::Side::buy;
    rc::Lots lots;   // of this fill; total of a replaced order; filled so far of a cancel_reject
    rc::Ticks price; // of this fill; new price of a replaced order
    double fee = 0.0;
    std::int64_t id = 0;   // venue order or execution
    std::int64_t code = 0; // why a reject; an rc_venue_order of a cancel_reject
};

// Short queues of quotes: neither engine nor venue falls far behind the recording's time.
using Quotes = Queue<Row, 64>;
using Requests = Queue<Request, 1024>;
using Reports = Queue<Report, 1024>;

} // namespace engine
