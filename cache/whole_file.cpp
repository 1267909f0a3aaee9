#include "cache/whole_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "cache/file_descriptor.hpp"

namespace btfs {
namespace {

Error system_error(int number = errno) {
    return {number, boost::system::system_category()};
}

Error write_all(int fd, ByteView content) {
    while (!content.empty()) {
        const ssize_t n = ::write(fd, content.data(), content.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error();
        content = content.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

/// False if another process has written the file, and renamed what it wrote, since it was opened here.
bool is_still_at(int fd, const std::filesystem::path& path) {
    struct stat opened {
    }, there{};
    return fstat(fd, &opened) == 0 && stat(path.c_str(), &there) == 0 && opened.st_ino == there.st_ino &&
           opened.st_dev == there.st_dev;
}

}  // namespace

Result<Bytes> read_whole(const std::filesystem::path& path, std::size_t max_size) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    if (!file || fstat(file.get(), &status) != 0) return system_error();
    if (S_ISDIR(status.st_mode)) return system_error(EISDIR);
    if (!S_ISREG(status.st_mode)) return system_error(EINVAL);
    if (static_cast<std::uint64_t>(status.st_size) > max_size) return system_error(EFBIG);

    Bytes content(static_cast<std::size_t>(status.st_size));
    std::size_t filled = 0;
    while (filled < content.size()) {
        const ssize_t n = ::read(file.get(), content.data() + filled, content.size() - filled);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error();
        if (n == 0) break;
        filled += static_cast<std::size_t>(n);
    }
    content.resize(filled);
    return content;
}

Error write_whole(const std::filesystem::path& path, ByteView content, unsigned mode) {
    std::filesystem::path part = path;
    part += ".part";
    FileDescriptor file;
    do {
        file = FileDescriptor(::open(part.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode));
        if (!file || flock(file.get(), LOCK_EX) != 0) return system_error();
    } while (!is_still_at(file.get(), part));
    Error error = ftruncate(file.get(), 0) == 0 ? write_all(file.get(), content) : system_error();
    if (!error && rename(part.c_str(), path.c_str()) != 0) error = system_error();
    if (error) unlink(part.c_str());
    return error;
}

}  // namespace btfs
