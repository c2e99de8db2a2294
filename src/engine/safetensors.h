#pragma once
// Reader of safetensors files: eight bytes with the header's length (little-endian), the header (JSON: by tensor name
// its dtype, shape and data_offsets), then the tensors' bytes without gaps or overlaps.
//
// Every entry is checked when the file is opened: offsets, order, and that dtype and shape give the size. A dtype that
// the engine has no use for is no error until that tensor is asked for.

#include <memory>
#include <string>

#include "engine/model_tensors.h"

namespace palimpsest {

struct Safetensors {
    StoredTensors tensors;
    std::shared_ptr<const void> storage;  ///< the mapped files, which the tensors point into
    std::string first_file;               ///< the first by name of those that hold tensors
};

/// One file.
Safetensors read_safetensors(const std::string& path);
/// A folder's model.safetensors, or the shards that its model.safetensors.index.json names. Throws InputError naming
/// the file, the tensor or JSON path, what is there, and what would be accepted.
Safetensors read_safetensors_folder(const std::string& folder);

}  // namespace palimpsest
