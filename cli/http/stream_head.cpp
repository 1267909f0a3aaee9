#include "cli/http/stream_head.hpp"

#include <fmt/format.h>

#include "cli/http/byte_ranges.hpp"
#include "cli/http/content_type.hpp"
#include "cli/http/header_text.hpp"

namespace btfs::cli {
namespace {

/// Seeking by bytes works (OP=01), the file is not converted (CI=0); the flags: streams, in the background or
/// not, with connections that may stall, as DLNA 1.5 has them.
constexpr std::string_view kContentFeatures =
    "DLNA.ORG_OP=01;DLNA.ORG_CI=0;DLNA.ORG_FLAGS=01700000000000000000000000000000";
constexpr std::string_view kMaxAge = "86400";

std::string boundary_of(const StreamedFile& file) {
    std::string boundary = "btfs";
    for (const char c : file.validators.etag)
        if (c != '"') boundary += c;
    return boundary;
}

void add_parts(StreamHead& head, const StreamedFile& file, const std::vector<ByteRange>& parts) {
    const std::string boundary = boundary_of(file);
    for (const ByteRange& part : parts) {
        head.body.emplace_back(fmt::format("\r\n--{}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n",
                                           boundary, content_type(file.name),
                                           content_range(part, file.size)));
        head.body.emplace_back(part);
    }
    head.body.emplace_back(fmt::format("\r\n--{}--\r\n", boundary));
    head.headers.emplace_back("Content-Type", "multipart/byteranges; boundary=" + boundary);
}

std::uint64_t length_of(const StreamHead& head) {
    std::uint64_t length = 0;
    for (const auto& part : head.body)
        length += std::visit([](const auto& each) { return each.size(); }, part);
    return length;
}

/// Fills in what the status and the ranges decide.
void add_content(StreamHead& head, const StreamRequest& request, const StreamedFile& file) {
    const bool with_range =
        request.is_get && !request.range.empty() && range_applies(request.conditions, file.validators);
    const RequestedRanges ranges = parse_ranges(with_range ? request.range : std::string_view(), file.size);
    switch (ranges.kind) {
        case RequestedRanges::Kind::unsatisfiable:
            head.status = 416;
            head.headers.emplace_back("Content-Range", unsatisfied_range(file.size));
            return;
        case RequestedRanges::Kind::whole:
            if (file.size > 0) head.body.emplace_back(ByteRange{0, file.size});
            break;
        case RequestedRanges::Kind::parts:
            head.status = 206;
            if (ranges.parts.size() > 1) return add_parts(head, file, ranges.parts);
            head.headers.emplace_back("Content-Range", content_range(ranges.parts.front(), file.size));
            head.body.emplace_back(ranges.parts.front());
            break;
    }
    head.headers.emplace_back("Content-Type", content_type(file.name));
}

}  // namespace

StreamHead stream_head(const StreamRequest& request, const StreamedFile& file) {
    StreamHead head;
    head.headers = {{"Accept-Ranges", "bytes"},
                    {"ETag", file.validators.etag},
                    {"Last-Modified", http_date(file.validators.modified)},
                    {"Access-Control-Allow-Origin", "*"},
                    {"Access-Control-Expose-Headers", "Accept-Ranges, Content-Length, Content-Range"},
                    {"Cross-Origin-Resource-Policy", "cross-origin"},
                    {"X-Content-Type-Options", "nosniff"},
                    {"Content-Security-Policy", "sandbox"}};
    if (request.content_features == "1")
        head.headers.emplace_back("contentFeatures.dlna.org", kContentFeatures);
    switch (check(request.conditions, file.validators)) {
        case Precondition::fails:
            head.status = 412;
            return head;
        case Precondition::not_modified:
            head.status = 304;
            return head;
        case Precondition::holds:
            break;
    }
    for (const std::string_view mode : {"Streaming", "Interactive", "Background"})
        if (request.transfer_mode == mode) head.headers.emplace_back("transferMode.dlna.org", mode);
    head.headers.emplace_back("Content-Disposition",
                              "inline; filename*=UTF-8''" + percent_encoded(file.name));
    add_content(head, request, file);
    head.length = length_of(head);
    return head;
}

Headers preflight_headers() {
    return {{"Access-Control-Allow-Origin", "*"},
            {"Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"},
            {"Access-Control-Allow-Headers", "Accept-Encoding, Content-Type, Range"},
            {"Access-Control-Max-Age", std::string(kMaxAge)}};
}

}  // namespace btfs::cli
