#pragma once
// One memory request on the TLM-2.0 memory sockets: DMA -> DRAM controller, DMA -> KV-MMU -> DRAM controller.
//
// Timing only: the payload carries no data. `data_length` is the number of requested bytes; the addresses are the
// extension's segments. Protocol: BEGIN_REQ on the forward path (targets return TLM_ACCEPTED; masters bound what is in
// flight, so targets always accept), BEGIN_RESP on the backward path when the last byte of a read has arrived or the
// last byte of a write has been taken by the controller; the master returns TLM_COMPLETED and may reuse the payload.

#include <vector>

#include <tlm>

#include "hardware/command.h"
#include "hardware/dram/transaction.h"

namespace palimpsest {

struct MemoryRequest : tlm::tlm_extension<MemoryRequest> {
    std::vector<DramSegment> segments;  ///< filled by the master, or by the KV-MMU for a KvAccess
    Traffic traffic = Traffic::weights;
    bool is_kv = false;  ///< `kv` says what is wanted; goes to the KV-MMU
    KvAccess kv;
    Bytes stream_offset = 0;          ///< `kv`: first byte of the access's stream (see KvAccess) that is asked for
    std::uint64_t master_tag = 0;     ///< the master's own
    Picoseconds refresh_wait_ps = 0;  ///< answer: how long the request waited while DRAM refreshed

    tlm::tlm_extension_base* clone() const override { return new MemoryRequest(*this); }
    void copy_from(const tlm::tlm_extension_base& other) override { *this = static_cast<const MemoryRequest&>(other); }
};

}  // namespace palimpsest
