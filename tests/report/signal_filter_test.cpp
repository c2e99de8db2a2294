// Which signals a waveform shows: by block, by pattern, by detail.

#include "report/signal_filter.h"

#include "palimpsest/error.h"
#include "report/vcd_writer.h"
#include "support/catch.h"
#include "support/scratch_directory.h"
#include "vcd_parser.h"

using namespace palimpsest;

namespace {

const std::vector<std::string> kSignals{
    "machine.sequencer.queue_dma_load",
    "machine.pe_array.state",
    "machine.pe_array.commands",
    "machine.dma_load.line_buffers",
    "machine.kv_mmu.state",
    "machine.kv_mmu.residents",
    "machine.buffers.weight.half0.words",
    "machine.buffers.weight.half0.bank0.port",
    "machine.dram.channel0.read_queue",
    "machine.dram.channel0.rank0.refresh",
    "machine.dram.channel0.rank0.bank3.state",
    "machine.dram.channel1.read_queue",
};

std::vector<std::string> shown(SignalFilter filter) {
    std::vector<std::string> names;
    for (const std::string& signal : kSignals) {
        if (filter.wants(signal)) {
            names.push_back(signal.substr(std::string("machine.").size()));
        }
    }
    filter.check();
    return names;
}

using Names = std::vector<std::string>;

std::string complaint(const std::string& blocks, SignalDetail detail = SignalDetail::all) {
    try {
        shown(SignalFilter(blocks, detail));
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("detail goes from units over blocks to banks", "[vcd][filter]") {
    CHECK(shown(SignalFilter("", SignalDetail::units)) ==
          Names{"sequencer.queue_dma_load", "pe_array.state", "pe_array.commands", "kv_mmu.state"});
    CHECK(shown(SignalFilter("", SignalDetail::blocks)) ==
          Names{"sequencer.queue_dma_load", "pe_array.state", "pe_array.commands", "dma_load.line_buffers",
                "kv_mmu.state", "kv_mmu.residents", "buffers.weight.half0.words", "dram.channel0.read_queue",
                "dram.channel0.rank0.refresh", "dram.channel1.read_queue"});
    CHECK(shown(SignalFilter()).size() == kSignals.size());
    CHECK(parse_signal_detail("blocks", "--vcd-detail") == SignalDetail::blocks);
    CHECK_THROWS_AS(parse_signal_detail("everything", "--vcd-detail"), InputError);
}

TEST_CASE("blocks are named with or without the machine, whole or by pattern", "[vcd][filter]") {
    CHECK(shown(SignalFilter("kv_mmu,pe_array.state")) == Names{"pe_array.state", "kv_mmu.state", "kv_mmu.residents"});
    CHECK(shown(SignalFilter("machine.dram.channel0")) ==
          Names{"dram.channel0.read_queue", "dram.channel0.rank0.refresh", "dram.channel0.rank0.bank3.state"});
    CHECK(shown(SignalFilter("dram.channel?.read_queue")) ==
          Names{"dram.channel0.read_queue", "dram.channel1.read_queue"});
    CHECK(shown(SignalFilter("*.state")) == Names{"pe_array.state", "kv_mmu.state", "dram.channel0.rank0.bank3.state"});
    CHECK(shown(SignalFilter("machine.dram.channel0.*", SignalDetail::blocks)) ==
          Names{"dram.channel0.read_queue", "dram.channel0.rank0.refresh"});
    CHECK(shown(SignalFilter("*")).size() == kSignals.size());
}

TEST_CASE("a block that is not there is an error that lists what is", "[vcd][filter]") {
    CHECK(says(complaint("dramm"), "\"dramm\""));
    CHECK(says(complaint("dramm"), "buffers, dma_load, dram, kv_mmu, pe_array, sequencer"));
    CHECK(says(complaint("kv_mmu,dram.channel7.*"), "in dram: channel0, channel1"));
    CHECK(says(complaint("kv_mmu.residence"), "in kv_mmu: residents, state"));
    // A whole name, not the beginning of one.
    CHECK(says(complaint("dma"), "\"dma\""));
    CHECK(says(complaint("dram", SignalDetail::units), "--vcd-detail"));
}

TEST_CASE("a signal that is left out is not in the dump", "[vcd][filter]") {
    const ScratchDirectory scratch;
    VcdWriter writer({0, 1000}, SignalFilter("kv_mmu"));
    const auto array = writer.declare("machine.pe_array.commands", SignalKind::level, 8);
    const auto kv = writer.declare("machine.kv_mmu.residents", SignalKind::level, 8);
    writer.declared();
    CHECK(array == SignalSink::kLeftOut);
    writer.change(array, 10, 1);
    writer.change(kv, 20, 1);
    CHECK(writer.changes() == 1);
    writer.write(scratch / "run.vcd", 1000);
    const ParsedVcd vcd = parse_vcd(content_of(scratch / "run.vcd"));
    CHECK(vcd.changes.count("machine.kv_mmu.residents") == 1);
    CHECK(vcd.changes.count("machine.pe_array.commands") == 0);
}
