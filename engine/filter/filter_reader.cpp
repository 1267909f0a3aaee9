#include "engine/filter/filter_reader.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

#include "engine/filter/filter_line.hpp"

namespace btfs {
namespace {

constexpr std::array<std::byte, 2> kGzipMagic{std::byte{0x1f}, std::byte{0x8b}};
constexpr std::string_view kUtf8Bom = "\xef\xbb\xbf";
constexpr int kGzipWindow = MAX_WBITS + 16;  // zlib's way to ask for gzip's header
constexpr std::size_t kInflatedAtOnce = 64 << 10;

}  // namespace

class FilterReader::Inflater {
  public:
    Inflater() {
        if (inflateInit2(&stream_, kGzipWindow) != Z_OK) throw std::bad_alloc();
    }
    ~Inflater() { inflateEnd(&stream_); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    /// Calls `take` with each part of the text; ends with its first error.
    template <class Take>
    Result<void> feed(ByteView part, Take take) {
        stream_.next_in =
            reinterpret_cast<Bytef*>(const_cast<std::byte*>(part.data()));  // zlib reads it only
        stream_.avail_in = static_cast<uInt>(part.size());
        do {
            if (ended_ && stream_.avail_in > 0) {  // the next member
                pads_ = pads_ || *stream_.next_in == 0;
                if (pads_) return padded() ? Result<void>() : Errc::filter_damaged;
                if (inflateReset(&stream_) != Z_OK) return Errc::filter_damaged;
                ended_ = false;
            }
            stream_.next_out = reinterpret_cast<Bytef*>(text_.data());
            stream_.avail_out = static_cast<uInt>(text_.size());
            const int status = inflate(&stream_, Z_NO_FLUSH);
            if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
                return Errc::filter_damaged;
            ended_ = status == Z_STREAM_END;
            if (auto taken = take(ByteView(text_).first(text_.size() - stream_.avail_out)); !taken)
                return taken;
        } while (stream_.avail_in > 0 || stream_.avail_out == 0);
        return {};
    }
    /// Returns true if the last member is complete.
    bool ended() const { return ended_; }

  private:
    /// True if all that is left of the part is zeros, which some tools pad a file with.
    bool padded() const {
        return std::all_of(stream_.next_in, stream_.next_in + stream_.avail_in,
                           [](Bytef b) { return b == 0; });
    }

    z_stream stream_{};
    bool pads_ = false;  ///< behind the last member
    bool ended_ = false;
    std::array<std::byte, kInflatedAtOnce> text_;
};

FilterReader::FilterReader() = default;
FilterReader::~FilterReader() = default;

Result<void> FilterReader::feed(ByteView part) {
    size_of_file_ += part.size();
    if (size_of_file_ > kMaxSize) return Errc::filter_too_large;
    const auto take = [this](ByteView text) { return take_text(text); };
    if (begun_) return inflater_ ? inflater_->feed(part, take) : take_text(part);
    begin_.insert(begin_.end(), part.begin(), part.end());
    if (begin_.size() < kUtf8Bom.size()) return {};
    begun_ = true;
    const Bytes begin = std::move(begin_);
    if (std::ranges::equal(ByteView(begin).first(kGzipMagic.size()), kGzipMagic)) {
        inflater_ = std::make_unique<Inflater>();
        return inflater_->feed(begin, take);
    }
    return take_text(begin);
}

Result<void> FilterReader::take_text(ByteView bytes) {
    std::string_view text = as_text(bytes);
    size_of_text_ += text.size();
    if (size_of_text_ > kMaxSize) return Errc::filter_too_large;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view part = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const bool whole = end != std::string_view::npos;
        if (too_long_ || line_.size() + part.size() > kMaxLine) {
            too_long_ = true;
            line_.clear();
        } else if (!whole || !line_.empty()) {
            line_ += part;
        }
        if (!whole) break;
        if (auto taken = take_line(line_.empty() ? part : std::string_view(line_)); !taken) return taken;
        line_.clear();
        too_long_ = false;
    }
    return {};
}

Result<void> FilterReader::take_line(std::string_view line) {
    ++lines_;
    if (lines_ == 1 && line.starts_with(kUtf8Bom)) line.remove_prefix(kUtf8Bom.size());
    const FilterLine parsed = too_long_ ? FilterLine(Unreadable{}) : parse_filter_line(line);
    if (std::holds_alternative<NoEntry>(parsed)) return {};
    if (std::holds_alternative<Unreadable>(parsed)) {
        if (file_.unreadable++ == 0) file_.first_unreadable = lines_;
        return {};
    }
    if (file_.entries == kMaxEntries) return Errc::filter_too_many_entries;
    ++file_.entries;
    if (const auto* v4 = std::get_if<IpFilter::V4Range>(&parsed)) v4_.push_back(*v4);
    if (const auto* v6 = std::get_if<IpFilter::V6Range>(&parsed)) v6_.push_back(*v6);
    return {};
}

Result<FilterFile> FilterReader::finish() {
    if (!begun_) {  // a file of a byte or two
        if (auto taken = take_text(begin_); !taken) return taken.error();
    }
    if (inflater_ && !inflater_->ended()) return Errc::filter_damaged;
    if (!line_.empty() || too_long_) {
        if (auto taken = take_line(line_); !taken) return taken.error();
    }
    if (file_.entries == 0 && file_.unreadable > 0) return Errc::filter_no_entries;
    file_.filter = IpFilter(std::move(v4_), std::move(v6_));
    return std::move(file_);
}

}  // namespace btfs
