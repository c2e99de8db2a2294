#pragma once
// The core clock as the modules see it: whole cycles in, SystemC time out.

#include <systemc>

#include "palimpsest/types.h"

namespace palimpsest {

/// A clock domain without a toggling signal: nothing is scheduled on a cycle in which nothing is decided.
class ClockDomain {
  public:
    explicit ClockDomain(Picoseconds period_ps) : period_ps_(period_ps) {}

    Picoseconds period_ps() const { return period_ps_; }
    /// The cycle that `now` lies in; exact on this domain's edges. SystemC resolution is 1 ps.
    Cycles now() const { return sc_core::sc_time_stamp().value() / period_ps_; }
    /// First edge at or after a time of another domain.
    Cycles edge_at_or_after(Picoseconds time_ps) const { return ceil_div(time_ps, period_ps_); }
    Picoseconds time_of(Cycles cycle) const { return cycle * period_ps_; }
    /// From now until `cycle` (zero when it is now or past).
    sc_core::sc_time until(Cycles cycle) const {
        const Picoseconds now_ps = sc_core::sc_time_stamp().value();
        const Picoseconds at_ps = time_of(cycle);
        return sc_core::sc_time::from_value(at_ps > now_ps ? at_ps - now_ps : 0);
    }

  private:
    Picoseconds period_ps_;
};

}  // namespace palimpsest
