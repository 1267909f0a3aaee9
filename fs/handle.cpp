#include "fs/handle.hpp"

#include <cstring>
#include <string>

#include "fs/errno_map.hpp"

namespace btfs {

void Handle::write(std::uint64_t, ByteView, pid_t, CommandDone done) {
    done(fs_error::read_only());
}

std::optional<ByteRange> ContentHandle::read(ReadPath::Request request,
                                             std::unique_ptr<InterruptibleReply> reply) {
    request.range_in_file = request.range_in_file.intersection({0, file_.extent().size()});
    if (request.range_in_file.empty()) {
        reply->data({});
        return std::nullopt;
    }
    return path_.read(file_, request, std::move(reply));
}

std::optional<FileState> ContentHandle::state() const {
    const MountedTorrent& torrent = file_.torrent();
    FileState state{};
    std::memcpy(state.info_hash, torrent.info_hash.bytes.data(), sizeof state.info_hash);
    const ByteRange extent = file_.extent();
    state.is_complete = torrent.reads.has(extent) ? 1 : 0;
    state.offset_in_torrent = extent.begin;
    return state;
}

std::optional<ByteRange> TextHandle::read(ReadPath::Request request,
                                          std::unique_ptr<InterruptibleReply> reply) {
    const auto snapshot = snapshot_;  // the answer may bring the RELEASE
    const std::string& text = snapshot->text;
    const ByteRange range = request.range_in_file.intersection({0, text.size()});
    if (range.empty()) {
        reply->data({});
        return std::nullopt;
    }
    const iovec part{const_cast<char*>(text.data() + range.begin), range.size()};
    reply->data({&part, 1});
    return std::nullopt;
}

}  // namespace btfs
