#include "cache/bound/shared_use.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace btfs {
namespace {

constexpr std::size_t kSize = SharedUse::kProcesses * sizeof(std::uint64_t);
/// A byte of the file that is locked while the file's name is made or removed; those before it belong to the
/// places.
constexpr unsigned kNameLock = SharedUse::kProcesses;

Error last_error() {
    return system_error(errno);
}

std::string name_of(const FileStatus& directory, const std::string& folder) {
    return folder + "/btfs-" + std::to_string(geteuid()) + '-' + std::to_string(directory.device) + '-' +
           std::to_string(directory.inode);
}

bool is_still_at(int file, const std::string& name) {
    struct stat held {
    }, found{};
    return fstat(file, &held) == 0 && lstat(name.c_str(), &found) == 0 && held.st_ino == found.st_ino &&
           held.st_dev == found.st_dev;
}

}  // namespace

Result<std::unique_ptr<SharedUse>> SharedUse::open(const FileStatus& directory, const std::string& folder) {
    const std::string name = name_of(directory, folder);
    for (;;) {
        FileDescriptor file(::open(name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!file) return last_error();
        struct stat status {};
        if (fstat(file.get(), &status) != 0) return last_error();
        if (!S_ISREG(status.st_mode) || status.st_uid != geteuid()) return system_error(EACCES);
        // The memory is there from the start: else a full /dev/shm would be a SIGBUS later.
        if (const int error = posix_fallocate(file.get(), 0, kSize)) return system_error(error);
        void* const memory = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
        if (memory == MAP_FAILED) return last_error();
        std::unique_ptr<SharedUse> opened(new SharedUse(std::move(file), name, memory));
        if (!opened->lock(kNameLock, 1, F_WRLCK, true)) return last_error();
        // The last process that used it may have removed it meanwhile.
        if (!is_still_at(opened->file_.get(), name)) continue;
        if (!opened->take_place()) return system_error(EUSERS);
        opened->lock(kNameLock, 1, F_UNLCK);
        return opened;
    }
}

SharedUse::SharedUse(FileDescriptor file, std::string name, void* memory)
    : file_(std::move(file)), name_(std::move(name)), memory_(memory) {}

SharedUse::~SharedUse() {
    // The number of this process stays where others see it, until they have counted its torrents in a scan.
    if (place_ < kProcesses) {
        // Alone: nobody else holds a place, or is about to take one.
        lock(kNameLock, 1, F_WRLCK, true);
        if (lock(0, kProcesses, F_WRLCK) && is_still_at(file_.get(), name_)) unlink(name_.c_str());
    }
    munmap(memory_, kSize);
}

/// Locks bytes of the file for as long as it is open. These locks belong to the open file, so that two of one
/// process exclude each other, too. False: somebody else has one of them.
bool SharedUse::lock(unsigned from, unsigned count, int type, bool waits) const {
    struct flock range {};
    range.l_type = static_cast<short>(type);
    range.l_whence = SEEK_SET;
    range.l_start = from;
    range.l_len = count;
    int done;
    while ((done = fcntl(file_.get(), waits ? F_OFD_SETLKW : F_OFD_SETLK, &range)) != 0 && errno == EINTR) {
    }
    return done == 0;
}

bool SharedUse::take_place() {
    // Whoever comes when nobody is there counts for itself what killed processes have left on the disk. What
    // they left here may even be of another directory that had this one's inode number.
    if (lock(0, kProcesses, F_WRLCK)) {
        for (unsigned place = 0; place < kProcesses; ++place) places()[place] = 0;
        lock(0, kProcesses, F_UNLCK);
    }
    for (unsigned place = 0; place < kProcesses; ++place) {
        if (!lock(place, 1, F_WRLCK)) continue;
        place_ = place;
        places()[place] = 0;  // a process that was killed may have left something
        return true;
    }
    return false;
}

std::uint64_t SharedUse::of_others() const {
    std::uint64_t bytes = 0;
    for (unsigned place = 0; place < kProcesses; ++place)
        if (place != place_) bytes += places()[place].load();
    return bytes;
}

std::vector<unsigned> SharedUse::ended() const {
    std::vector<unsigned> ended;
    for (unsigned place = 0; place < kProcesses; ++place)
        if (place != place_ && places()[place].load() != 0 && lock(place, 1, F_WRLCK)) ended.push_back(place);
    return ended;
}

void SharedUse::drop(const std::vector<unsigned>& ended) {
    for (const unsigned place : ended) {
        places()[place] = 0;
        lock(place, 1, F_UNLCK);
    }
}

}  // namespace btfs
