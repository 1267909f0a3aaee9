#include "cache/records/kept_info.hpp"

#include "cache/disk/whole_file.hpp"
#include "engine/log/log.hpp"

namespace btfs {

bool KeptInfo::keep() {
    if (!info_ || tried_.exchange(true)) return false;
    const auto found = read_whole(*files_, name_, info_->size());
    if (found && *found == *info_) return false;
    const Error error = write_whole_unsynced(*files_, name_, *info_, 0600);
    if (error) log::debug("cache: {} not kept: {}", name_, error.message());
    return !error;
}

}  // namespace btfs
