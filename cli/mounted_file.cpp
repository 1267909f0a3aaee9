#include "cli/mounted_file.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "cli/process/failure.hpp"

namespace btfs::cli {
namespace {

Failure failure_with_errno(const std::filesystem::path& path, const std::string& what) {
    return Failure(path.string() + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

MountedFile::MountedFile(const std::filesystem::path& path)
    : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (!fd_ || fstat(fd_.get(), &status_) != 0) throw failure_with_errno(path, "cannot be opened");
    if (ioctl(fd_.get(), kAskFileState, &state_) != 0)
        throw Failure(path.string() + ": is no torrent's file in a mount of btfs");
}

std::size_t MountedFile::read(std::uint64_t offset_in_file, std::span<std::byte> out) const {
    for (;;) {
        const ssize_t done = pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset_in_file));
        if (done > 0) return static_cast<std::size_t>(done);
        if (done < 0 && errno == EINTR) continue;
        if (done == 0) errno = EIO;  // the size of a file in a mount does not change
        throw failure_with_errno(path_, "cannot be read");
    }
}

}  // namespace btfs::cli
