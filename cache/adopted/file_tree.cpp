#include "cache/adopted/file_tree.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "cache/disk/data_file.hpp"

namespace btfs {
namespace {

bool read_cached(File& file, std::uint64_t offset_in_file, std::span<std::byte> out) {
    const Result<std::size_t> done = file.read_cached(offset_in_file, out);
    return done && *done == out.size();
}

}  // namespace

bool says_gone(const Error& error) {
    const int number = error.value();
    return number == ENOENT || number == ENOTDIR || number == EISDIR || number == EINVAL || number == ELOOP;
}

FileTree::FileTree(const Layout& layout, Files& files, OpenHow how, Watch watch)
    : layout_(layout), files_(files), how_(how), watch_(watch), seen_(layout.files().size()) {}

FileTree::SeenPtr FileTree::seen(std::size_t file) const {
    std::lock_guard lock(mutex_);
    return seen_[file];
}

void FileTree::set_seen(std::size_t file, SeenPtr seen) {
    std::lock_guard lock(mutex_);
    seen_[file].swap(seen);
}

/// Returns true if opening the file again would fail in the same way. Whose rights were taken away may come
/// back to a file of its own; what is another client's can be had from the swarm.
bool FileTree::is_out_of_reach(const Error& error) const {
    const bool no_rights = error == system_error(EACCES) || error == system_error(EPERM);
    return says_gone(error) || (no_rights && watch_ == Watch::everything);
}

FileTree::Outcome FileTree::read(ByteRange range, std::span<std::byte> out, bool* cold) const {
    Outcome worst;
    if (layout_.has_padding()) std::ranges::fill(out, std::byte{0});
    each_file(range, [&](std::size_t file, ByteRange part) {
        Outcome outcome = read_file(file, part.begin - layout_.files()[file].offset_in_torrent,
                                    out.subspan(part.begin - range.begin, part.size()), cold);
        if (outcome.state > worst.state) worst = std::move(outcome);
        return worst.state <= State::changed;
    });
    return worst;
}

FileTree::Outcome FileTree::read_file(std::size_t file, std::uint64_t offset_in_file,
                                      std::span<std::byte> out, bool* cold) const {
    Outcome outcome{State::good, file, seen(file), {}};
    const auto ended = [&outcome](State state, const Error& error) {
        outcome.state = state;
        outcome.error = error;
        return outcome;
    };
    if (!outcome.seen) return ended(State::gone, system_error(ENOENT));
    auto opened = files_.open(outcome.seen->path, how_);
    if (!opened) return ended(is_out_of_reach(opened.error()) ? State::gone : State::failed, opened.error());
    if (!cold || !read_cached(**opened, offset_in_file, out)) {
        if (cold) *cold = true;
        if (const Error error = read_all(**opened, offset_in_file, out))
            return ended(read_error(error) == Errc::storage_corrupt ? State::gone : State::failed, error);
    }
    // The status is asked for after the read, so that any change before the read is seen.
    const Result<FileStatus> status = (*opened)->status();
    if (!status) return ended(State::failed, status.error());
    const FileStatus& then = outcome.seen->status;
    const bool same =
        watch_ == Watch::content ? status->unchanged_since(then) : status->untouched_since(then);
    return same ? outcome : ended(State::changed, Errc::storage_corrupt);
}

void FileTree::will_need(ByteRange range) const {
    each_file(range, [&](std::size_t file, ByteRange part) {
        const std::uint64_t begin = layout_.files()[file].offset_in_torrent;
        const SeenPtr known = seen(file);
        if (!known) return true;
        if (auto opened = files_.open(known->path, how_))
            (*opened)->will_need({part.begin - begin, part.end - begin});
        return true;
    });
}

}  // namespace btfs
