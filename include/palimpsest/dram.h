#pragma once
// The DRAM system alone, for another program: requests in, completions out, every clock exact.
//
//     #include "palimpsest/dram.h"
//
//     palimpsest::Dram dram("ddr4-2400", {"refresh.mode=none"}, [](std::uint64_t user, std::uint64_t clock) {
//         fmt::print("request {} is done at clock {}\n", user, clock);
//     });
//     dram.send(0x1f40, 64, false, 1);  // a read
//     dram.send(0x2000, 64, true, 2);   // a write
//     while (dram.pending() > 0) {
//         dram.tick();
//     }
//     fmt::print("{} row hits\n", dram.counts().row_hits);
//
// Link palimpsest_hardware. Throws InputError for what is wrong with the configuration and SimulationError for a
// request that cannot be (palimpsest/error.h). How requests become commands, clock by clock: docs/blocks/dram.md.
//
// Time    in DRAM clocks of clock_ps() picoseconds, from 0. Clocks in which nothing is decided cost nothing: advance_to
//         over a million idle clocks is as cheap as one tick.
// Order   requests go into each channel in the order in which they are sent, one burst a clock; the controller then
//         reorders as its scheduler says. Any number may be sent; who wants to offer them only as fast as they are
//         served watches pending().

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "palimpsest/result.h"
#include "palimpsest/types.h"

namespace palimpsest {

class Dram {
  public:
    /// Called with what the request was sent with and the clock at which it is complete: for a read the first at which
    /// its last byte is there, for a write the first at which all of it is in the write queue. In order of that clock;
    /// now() is that clock while it is called. It may send.
    using Callback = std::function<void(std::uint64_t user, std::uint64_t clock)>;

    /// `config`: a DRAM file or the name of a preset. `overrides`: settings of it such as "timing.nCL=16".
    explicit Dram(const std::string& config, const std::vector<std::string>& overrides = {},
                  Callback on_completion = {});
    ~Dram();
    Dram(Dram&&) noexcept;
    Dram& operator=(Dram&&) noexcept;

    /// A request arrives at clock now(). It covers every burst that its bytes, at least one, touch.
    void send(Bytes address, Bytes bytes, bool write, std::uint64_t user = 0);
    /// To the next clock.
    void tick();
    /// To `clock`, with every completion up to it called back. Earlier than now(): SimulationError.
    void advance_to(std::uint64_t clock);

    std::uint64_t now() const;
    /// Requests that are not complete.
    std::uint64_t pending() const;
    /// A clock before which no pending request completes, and later than now(); kNoClock when none is pending.
    std::uint64_t next_completion() const;
    static constexpr std::uint64_t kNoClock = ~std::uint64_t{0};
    /// Nothing is pending, all writes have left the write queues and no data moves.
    bool idle();
    /// Of the clocks before now(), all channels.
    DramCounts counts();

    Bytes capacity() const;
    Bytes burst_bytes() const;
    Picoseconds clock_ps() const;
    double peak_bytes_per_second() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace palimpsest
