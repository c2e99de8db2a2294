#pragma once
// Reader of GGUF files, versions 2 and 3, little-endian: metadata by key, and tensors.
//
// Everything is checked when the file is opened: lengths and counts against the bytes that are left, types, names that
// come twice, and where tensors lie. Nothing is allocated for what the file only claims to hold. A tensor type that the
// engine cannot read is no error until that tensor is asked for.

#include <cstdint>
#include <memory>
#include <string>

#include "engine/gguf_metadata.h"
#include "engine/model_tensors.h"

namespace palimpsest {

struct GgufFile {
    std::string path;
    std::uint32_t version = 0;
    GgufMetadata metadata;
    StoredTensors tensors;
    std::shared_ptr<const void> storage;  ///< the mapped file, which metadata and tensors point into
};

/// Throws InputError naming the byte, key or tensor that is wrong.
GgufFile read_gguf(const std::string& path);

}  // namespace palimpsest
