#include "cli/torrent_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "cli/failure.hpp"

namespace btfs::cli {
namespace {

class OpenFile {
  public:
    OpenFile(const std::filesystem::path& path, int flags, mode_t mode = 0)
        : fd_(open(path.c_str(), flags | O_CLOEXEC, mode)) {}
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile() {
        if (fd_ >= 0) close(fd_);
    }
    int fd() const { return fd_; }

  private:
    int fd_;
};

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& why) {
    throw Failure(path.string() + ": " + why);
}

}  // namespace

Metainfo load_torrent(const std::filesystem::path& path) {
    // O_NONBLOCK: opening a pipe must not wait for its writer.
    const OpenFile file(path, O_RDONLY | O_NONBLOCK);
    struct stat status {};
    if (file.fd() < 0 || fstat(file.fd(), &status) != 0) fail(path, std::strerror(errno));
    if (S_ISDIR(status.st_mode)) fail(path, "is a directory, not a torrent file");
    if (!S_ISREG(status.st_mode)) fail(path, "is not a regular file");
    if (static_cast<std::uint64_t>(status.st_size) > kMaxTorrentFileSize)
        fail(path, make_error_code(Errc::torrent_too_large).message());

    Bytes content(static_cast<std::size_t>(status.st_size));
    std::size_t filled = 0;
    while (filled < content.size()) {
        const ssize_t n = read(file.fd(), content.data() + filled, content.size() - filled);
        if (n < 0 && errno != EINTR) fail(path, std::strerror(errno));
        if (n == 0) break;
        if (n > 0) filled += static_cast<std::size_t>(n);
    }
    content.resize(filled);
    auto metainfo = parse_torrent(content);
    if (!metainfo) fail(path, metainfo.error().message());
    return std::move(*metainfo);
}

void write_file(const std::filesystem::path& path, ByteView content) {
    std::filesystem::path part = path;
    part += ".part";
    {
        const OpenFile file(part, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (file.fd() < 0) fail(path, std::string("cannot be written: ") + std::strerror(errno));
        while (!content.empty()) {
            const ssize_t n = write(file.fd(), content.data(), content.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) {
                const int why = errno;
                unlink(part.c_str());
                fail(path, std::string("cannot be written: ") + std::strerror(why));
            }
            content = content.subspan(static_cast<std::size_t>(n));
        }
    }
    if (rename(part.c_str(), path.c_str()) != 0) {
        const int why = errno;
        unlink(part.c_str());
        fail(path, std::string("cannot be written: ") + std::strerror(why));
    }
}

}  // namespace btfs::cli
