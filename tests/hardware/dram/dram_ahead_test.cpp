// Channels that nobody listens to decide streaks ahead of the clock they are asked for. Senders that keep several
// streams under way, sent again as they complete, must find them as the golden controller serves them, whenever they
// ask and whenever they send.

#include <array>
#include <cstdlib>
#include <deque>
#include <map>

#include "golden/dram_golden.h"
#include "hardware/dram/command_trace.h"
#include "hardware/dram/dram_cases.h"
#include "hardware/dram/dram_system.h"
#include "support/catch.h"

using namespace palimpsest;

namespace {

/// One of those who keep transactions under way.
struct Sender {
    Bytes address = 0, bytes = 0, stride = 0;
    std::uint32_t writes = 0, urgent = 0, jumps = 0, most = 1, under_way = 0;
    bool streamed = false;
    DramClock gap = 0, next = 0;
};

struct Item {
    DramSegment segment;
    Sender* sender = nullptr;
    std::int64_t number = -1;  ///< of a single request
    GoldenTransaction golden;
    std::array<DramTransaction, 3> fast;
    bool done = false, handed_out = false;
};

void play(std::uint64_t seed) {
    CAPTURE(seed);
    RandomDram random(seed);
    const DramConfig config = random.streaming_config();
    CAPTURE(config.standard, config.mapping, config.organisation.ranks);
    const Bytes capacity = config.organisation.bytes(), burst = config.burst_bytes();
    const Bytes single = burst * random.between(1, 3);

    std::vector<Sender> senders(random.between(1, 4));
    for (Sender& sender : senders) {
        sender.address = random.between(0, capacity - 1) / burst * burst;
        sender.bytes = burst * random.one_of<std::uint64_t>({1, 4, 16, 32, random.between(1, 64), 300});
        sender.stride = random.chance(80) ? sender.bytes : burst * random.between(1, 200);
        sender.writes = random.one_of({0U, 0U, 20U, 100U});
        sender.urgent = random.one_of({0U, 0U, 0U, 20U, 100U});
        sender.jumps = random.one_of({0U, 2U, 30U});
        sender.most = random.one_of({1U, 2U, 4U, 16U});
        sender.gap = random.one_of<DramClock>({0, 0, 5, 100, 1500});
        sender.streamed = random.chance(20);
        sender.bytes = sender.streamed ? single : sender.bytes;
    }

    GoldenDram golden(config);
    CommandRecorder recorder;
    constexpr std::size_t kAnswers = 4096;
    std::array<std::vector<DramAnswer>, 3> answers;
    DramSystem watched(config, &recorder), woken(config), asked(config);
    const std::array<DramSystem*, 3> systems{&watched, &woken, &asked};
    for (std::size_t i = 0; i < systems.size(); ++i) {
        answers[i].resize(kAnswers);
        systems[i]->set_answers(answers[i]);
    }
    std::deque<Item> items;
    std::vector<DramTransaction*> finished;
    std::uint64_t bursts = 0, single_requests = 0;
    const std::uint64_t most_bursts = random.one_of<std::uint64_t>({300, 1000, 2500});
    const std::uint32_t probes = random.one_of({0U, 1U, 5U, 30U});

    const auto send = [&](Sender& sender, DramClock clock) {
        if (random.chance(sender.jumps)) {
            sender.address = random.between(0, capacity - 1) / burst * burst;
        }
        if (sender.address + sender.bytes > capacity) {
            sender.address = 0;
        }
        Item& item = items.emplace_back();
        item.segment = {sender.address, std::min(sender.bytes, capacity)};
        item.sender = &sender;
        sender.address += sender.stride;
        item.golden.segments = {item.segment};
        item.golden.write = random.chance(sender.writes);
        if (sender.streamed) {
            const DramRequest request{item.segment.address, item.golden.write, DramRequest::kNoCycle};
            item.number = static_cast<std::int64_t>(single_requests++);
            for (DramSystem* system : systems) {
                system->send_each({&request, 1}, single, static_cast<std::uint32_t>(item.number), clock);
            }
        } else {
            item.golden.urgent = random.chance(sender.urgent);
            item.golden.traffic = static_cast<Traffic>(random.between(0, kTrafficClasses - 1));
            for (std::size_t i = 0; i < systems.size(); ++i) {
                DramTransaction& transaction = item.fast[i];
                transaction.segments = {&item.segment, 1};
                transaction.write = item.golden.write;
                transaction.urgent = item.golden.urgent;
                transaction.traffic = item.golden.traffic;
                transaction.user = items.size() - 1;
                systems[i]->send(transaction, clock);
            }
        }
        golden.send(item.golden);
        bursts += item.golden.open_bursts;
        ++sender.under_way;
    };
    const auto wake = [&](DramSystem& system, DramClock clock, bool check) {
        if (const DramClock wakeup = system.next_wakeup(); wakeup <= clock) {
            finished.clear();
            system.advance_to(clock, finished);
            for (const DramTransaction* transaction : finished) {
                CHECK(transaction->completion >= wakeup);
                items[transaction->user].handed_out = items[transaction->user].handed_out || check;
            }
            REQUIRE(system.next_wakeup() > clock);
        }
    };

    std::size_t first_open = 0;
    for (DramClock clock = 0; bursts < most_bursts || first_open < items.size() || !golden.idle(); ++clock) {
        REQUIRE(clock < 400000);
        for (std::size_t i = first_open; i < items.size(); ++i) {
            Item& item = items[i];
            if (!item.done && item.golden.open_bursts == 0 && item.golden.completion <= clock) {
                item.done = true;
                --item.sender->under_way;
                item.sender->next = clock + (random.chance(50) ? random.between(0, item.sender->gap) : 0);
                if (item.number < 0) {
                    wake(woken, clock, true);
                    REQUIRE(item.handed_out);
                }
            }
        }
        while (first_open < items.size() && items[first_open].done) {
            ++first_open;
        }
        for (Sender& sender : senders) {
            while (bursts < most_bursts && single_requests < kAnswers && sender.under_way < sender.most &&
                   sender.next <= clock) {
                send(sender, clock);
            }
        }
        if (random.chance(50)) {
            wake(woken, clock, true);
        }
        wake(watched, clock, false);
        if (random.chance(probes)) {
            DramSystem& system = *systems[random.between(0, 2)];
            REQUIRE(system.counts_at(clock) == golden.counts);
            CHECK(system.idle_at(clock) == golden.idle());
            CHECK((golden.idle() || system.idle_bound() > clock));
        }
        if (single_requests == kAnswers || clock == 50000) {  // enough
            bursts = std::max(bursts, most_bursts);
        }
        golden.step();
    }

    std::map<std::uint32_t, std::vector<std::string>> expected, got;
    for (const DramCommand& command : golden.commands) {
        expected[command.channel].push_back(trace_line(command));
    }
    for (DramSystem* system : systems) {
        REQUIRE(system->counts_at(golden.now) == golden.counts);
    }
    for (const DramCommand& command : recorder.commands) {
        got[command.channel].push_back(trace_line(command));
    }
    REQUIRE((got == expected));
    for (std::size_t n = 0; n < items.size(); ++n) {
        const Item& item = items[n];
        for (std::size_t i = 0; i < systems.size(); ++i) {
            CAPTURE(n, i);
            if (item.number >= 0) {
                const DramAnswer& answer = answers[i][static_cast<std::size_t>(item.number) % kAnswers];
                REQUIRE(answer.open_bursts == 0);
                REQUIRE(answer.completion == item.golden.completion);
                REQUIRE(answer.taken == item.golden.taken);
            } else {
                REQUIRE(item.fast[i].open_parts == 0);
                REQUIRE(item.fast[i].completion == item.golden.completion);
                REQUIRE(item.fast[i].taken == item.golden.taken);
                REQUIRE(item.fast[i].refresh_wait == item.golden.refresh_wait);
            }
        }
    }
}

}  // namespace

TEST_CASE("Streams sent again as they complete are served as by the golden controller, listened to or not",
          "[dram][streak]") {
    const std::uint64_t seeds = std::getenv("PALIMPSEST_LONG_TESTS") != nullptr ? 16000 : 80;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        play(seed);
    }
}

TEST_CASE("Late clocks and 256 channels change nothing but the clocks", "[dram][streak]") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        RandomDram random(seed);
        DramConfig config = random.streaming_config();
        config.refresh.mode = RefreshMode::none;
        config.organisation.rows = 64;
        config.power_down = {};
        config.mapping = "row|rank|bank|bankgroup|column|channel";
        const auto answers_from = [&](DramClock start, std::uint32_t channels) {
            config.organisation.channels = channels;
            DramSystem dram(config);
            RandomDram choices(seed);
            std::deque<DramTransaction> transactions;
            std::vector<DramTransaction*> finished;
            for (DramClock clock = start; transactions.size() < 40;) {
                // As many bursts in each channel, however many there are.
                const Bytes bytes = config.burst_bytes() * choices.between(1, 100) * channels;
                const DramSegment segment{choices.between(0, 20) * bytes % (config.organisation.bytes() / 2), bytes};
                DramTransaction& transaction = transactions.emplace_back();
                transaction.segments = {&segment, 1};
                transaction.write = choices.chance(30);
                dram.send(transaction, clock);
                const DramClock pause = choices.between(0, 200);
                dram.advance_to(clock + choices.between(0, pause), finished);
                clock += pause;
            }
            while (dram.next_wakeup() != kNever) {
                dram.advance_to(dram.next_wakeup(), finished);
            }
            CHECK(finished.size() == transactions.size());
            std::vector<DramClock> answers;
            for (const DramTransaction& transaction : transactions) {
                answers.push_back(transaction.completion - start);
            }
            return answers;
        };
        const std::vector<DramClock> expected = answers_from(0, 1);
        CHECK(answers_from(DramClock{1} << 60, 1) == expected);
        CHECK(answers_from(0, 256) == expected);
    }
}
