// Before the first order: the configuration of a new account, and reconciliation of an old one.
#pragma once

#include "messages.hpp"
#include "venue.hpp"

#include <fstream>
#include <vector>

namespace engine {

// A configuration image, as prepare.py makes it from YAML: a journal's head and its records, which
// hold parameters, venues, currencies, strategies, instruments, scenarios and the first deposits.
// Each is submitted to the account as if it had come from here.
class ConfigurationImage {
public:
    explicit ConfigurationImage(const std::string &path) : path_(path)
    {
        std::ifstream file(path, std::ios::binary);
        if (!file) throw rc::Error(path + ": " + std::strerror(errno));
        rc_journal head{};
        file.read(reinterpret_cast<char *>(&head), sizeof head);
        if (!file) throw rc::Error(path + ": not a configuration image; make one with prepare.py");
        const std::int64_t status = rc_journal_attach(&head);
        if (status != RC_OK)
            throw rc::Error(path + ": " + rc_status_name(status)
                            + ": not a configuration image of this build");
        records_.resize(static_cast<std::size_t>(head.committed));
        file.read(reinterpret_cast<char *>(records_.data()),
                  static_cast<std::streamsize>(records_.size() * sizeof(rc_journal_record)));
        if (!file) throw rc::Error(path + ": ends too early");
        try_out();
    }

    void submit(rc::Session &account, rc::Time now) const
    {
        for (std::size_t k = 0; k < records_.size(); k += size_of(records_[k])) {
            const rc_journal_record &head = records_[k];
            rc::Status status;
            if (size_of(head) == 1) {
                rc_event event{};
                std::memcpy(&event, words_of(head), words * sizeof(std::int64_t));
                event.time_ns = now.value();
                status = account.submit(event);
            } else {
                rc_payload payload{};
                auto *target = reinterpret_cast<std::int64_t *>(&payload);
                const auto all = static_cast<std::size_t>(head.lots);
                for (std::size_t done = 0; done < all; done += words)
                    std::memcpy(target + done, words_of(records_[k + 1 + done / words]),
                                std::min(words, all - done) * sizeof(std::int64_t));
                status = account.submit_set(now, head.kind, head.instrument, payload);
            }
            if (!status.ok())
                throw rc::Error(path_ + ": record " + std::to_string(k + 1) + " was refused: "
                                + status.name());
        }
    }

private:
    // The event in a record of the journal, behind sequence, checksum and parts.
    static constexpr std::size_t words = RC_EVENT_WORDS;
    static const std::int64_t *words_of(const rc_journal_record &record) noexcept
    {
        return reinterpret_cast<const std::int64_t *>(&record)
            + offsetof(rc_journal_record, kind) / sizeof(std::int64_t);
    }
    static std::size_t size_of(const rc_journal_record &record) noexcept
    {
        return static_cast<std::size_t>(record.parts);
    }

    // A replay into an account that is thrown away finds every damaged record.
    void try_out() const
    {
        const auto state = std::make_unique<rc_state>();
        const auto payload = std::make_unique<rc_payload>();
        const auto orders = std::make_unique<rc_order[]>(RC_MAX_BATCH);
        const auto decisions = std::make_unique<rc_decision[]>(RC_MAX_BATCH);
        const auto count = static_cast<std::int64_t>(records_.size());
        rc_state_init(state.get());
        const std::int64_t next = count == 0
            ? 1
            : rc_replay(state.get(), records_.data(), count, 1, 1, count, payload.get(),
                        orders.get(), decisions.get(), RC_MAX_BATCH);
        if (next != count + 1)
            throw rc::Error(path_ + ": record " + std::to_string(next) + " is damaged");
    }

    std::string path_;
    std::vector<rc_journal_record> records_;
};

struct Reconciliation {
    std::int64_t orders = 0;    // of unknown fate
    std::int64_t not_found = 0; // of them never reached the venue
    std::int64_t positions = 0; // asked for
    std::int64_t breaks = 0;    // where venue and account differed
};

// After a restart: ask the venue about every order of unknown fate and about every position. A
// difference is booked and latches its instrument until a named person has looked at it; `author`
// (0 for nobody) is the one who started this process and accepts them.
inline Reconciliation reconcile(rc::Session &account, const VenueBook &venue, rc::Author author)
{
    Reconciliation found;
    const rc::Time now = account.last_time();
    const VenueBook::Copy &book = venue.now();
    const auto count = [&found](rc::Status status) {
        if (status == RC_BOOKED_UNMATCHED) found.breaks += 1;
        else if (!status.ok()) throw rc::Error(std::string{"reconciliation: "} + status.name());
    };
    account.for_each_order([&](rc::Handle handle, const rc_order_slot &slot) {
        if (slot.status != RC_ORDER_UNKNOWN) return;
        const VenueOrder &order = book.orders[handle.value() & RC_HANDLE_SLOT_MASK];
        found.orders += 1;
        if (order.handle != handle) {
            found.not_found += 1;
            count(account.order_status(now, handle, RC_VENUE_ORDER_NOT_FOUND, rc::Lots{0}));
        } else {
            const bool working = order.working != 0;
            count(account.order_status(
                now, handle, working ? RC_VENUE_ORDER_WORKING : RC_VENUE_ORDER_DONE, order.filled));
        }
    });
    for (std::int64_t i = 0; i < account.state().header.instrument_count; ++i) {
        if (account.state().instruments[i].state == RC_UNSET) continue;
        found.positions += 1;
        count(account.position(now, rc::Instrument{i}, book.position[i], rc::Ticks{0}));
        if (author.value() > 0 && account.state().positions[i].latches != 0)
            count(account.control(now, RC_CONTROL_RESET_INSTRUMENT, i, 0, author));
    }
    return found;
}

} // namespace engine
