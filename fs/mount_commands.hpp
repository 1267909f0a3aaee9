// MountCommands: commands that programs give the mount by writing to files of .btfs.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"

namespace btfs {

/// Takes the outcome of a command: no error, or why it failed. Called once, from any thread. A program whose
/// CommandDone is destroyed uncalled gets EIO.
using CommandDone = std::function<void(const Error&)>;

/// Carries out commands. All functions are called from any thread and wait for neither network nor disk: a
/// command is answered when it has been carried out.
class MountCommands {
  public:
    virtual ~MountCommands() = default;

    /// Bound of a file of that name that is dropped, in bytes.
    virtual std::size_t max_file_size(std::string_view name) const = 0;
    /// True for the names of files that may be dropped into the folder `add`.
    virtual bool takes(std::string_view name) const = 0;
    /// Takes a file that was dropped, and closed. Its content does not change, and counts against the memory
    /// for such files until it is let go.
    virtual void take(const std::string& name, std::shared_ptr<const Bytes> content, CommandDone done) = 0;
    /// Takes text that was written to the file `link`: one or more lines, of which the last may lack its end.
    virtual void add_links(std::string lines, CommandDone done) = 0;
    /// Removes a member of the folder's VirtualMembers.
    virtual void remove(const std::string& member, CommandDone done) = 0;
};

}  // namespace btfs
