#include "fs/handle.hpp"

#include <string>

namespace btfs {

std::optional<ByteRange> ContentHandle::read(ReadPath::Request request,
                                             std::unique_ptr<InterruptibleReply> reply) {
    request.range_in_file = request.range_in_file.intersection({0, file_.extent().size()});
    if (request.range_in_file.empty()) {
        reply->data({});
        return std::nullopt;
    }
    return path_.read(file_, request, std::move(reply));
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
