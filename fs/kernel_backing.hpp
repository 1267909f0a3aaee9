// The kernel's side of passthrough, as far as libfuse and the kernel's headers know it. Included only where
// libfuse is.
#pragma once

#include "fs/libfuse.hpp"
#include "fs/passthrough.hpp"

namespace btfs {

/// While the session begins: asks the kernel for passthrough. False: the kernel, libfuse or the rights of
/// this process do not allow it.
bool ask_for_passthrough(fuse_conn_info& connection);

/// Makes the answer to OPEN say that the kernel reads the file by itself.
void set_backing(fuse_file_info& file, BackingId id);

/// The list of one mount. The kernel empties it when the mount ends.
class KernelBacking final : public BackingFiles {
  public:
    /// The mount's device, set before the first call.
    void set_device(int device) { device_ = device; }

    Result<BackingId> add(int descriptor) override;
    void remove(BackingId id) override;

  private:
    int device_ = -1;
};

}  // namespace btfs
