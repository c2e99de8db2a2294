#pragma once
// Which signals a waveform shows: those of the blocks the user names, down to the detail the user wants.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace palimpsest {

enum class SignalDetail : std::uint8_t {
    units,   ///< what each unit does, the commands it holds, and the sequencer's queues
    blocks,  ///< everything but single banks of DRAM and SRAM
    all,
};

/// "units", "blocks" or "all"; throws InputError, which names `option`, otherwise.
SignalDetail parse_signal_detail(const std::string& text, const std::string& option);

/// Blocks are named by the hierarchy, with or without "machine." in front: `dram`, `dram.channel0`,
/// `kv_mmu.residents`. `*` stands for any characters, also dots, and `?` for one.
class SignalFilter {
  public:
    /// `blocks`: separated by commas; empty: all.
    explicit SignalFilter(const std::string& blocks = {}, SignalDetail detail = SignalDetail::all);

    /// Whether the signal `hierarchy` is shown. Each is asked for once, before `check`.
    bool wants(std::string_view hierarchy);
    /// Throws InputError, which names --vcd-blocks and lists what there is, where a block has shown no signal.
    void check() const;

  private:
    struct Pattern {
        std::string text;  ///< as given
        bool exists = false;
        bool shown = false;
    };

    std::vector<Pattern> patterns_;
    SignalDetail detail_;
    std::set<std::string, std::less<>> names_;  ///< of all signals, only where there are patterns
};

}  // namespace palimpsest
