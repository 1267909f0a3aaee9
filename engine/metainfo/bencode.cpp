#include "engine/metainfo/bencode.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace btfs::bencode {
namespace {

constexpr std::size_t kManyTokens = std::size_t{1} << 20;

bool is_digit(std::byte b) {
    return b >= std::byte{'0'} && b <= std::byte{'9'};
}

// Parser that walks the text once. Open lists and dictionaries are kept in a stack of token numbers, not on
// the call stack.
class Decoder {
  public:
    Decoder(ByteView text, const Limits& limits) : text_(text), limits_(limits) {
        reserve(text.size() / 12 + 4);
    }

    Error run() {
        do {
            if (at_ == text_.size()) return Errc::bencode_truncated;
            if (Error error = step()) return error;
        } while (!open_.empty());
        return {};
    }

    std::vector<Token> take() { return std::move(tokens_); }

  private:
    struct Open {
        std::uint32_t token;
        bool dictionary;
        bool key_next;
    };

    /// Many tokens get room for all that may come, so that there are never two copies of many. Memory that no
    /// token is written to costs nothing.
    void reserve(std::size_t count) {
        tokens_.reserve(
            std::min<std::size_t>(count < kManyTokens ? count : limits_.max_tokens, limits_.max_tokens));
    }

    Error step() {
        const std::byte first = text_[at_];
        if (first == std::byte{'e'}) return close();
        if (!open_.empty() && open_.back().dictionary) {
            if (open_.back().key_next && !is_digit(first)) return Errc::bencode_syntax;
            open_.back().key_next = !open_.back().key_next;
        }
        if (tokens_.size() >= limits_.max_tokens) return Errc::bencode_too_large;
        if (is_digit(first)) return string();
        switch (static_cast<char>(first)) {
            case 'i':
                return integer();
            case 'l':
                return open(Kind::list);
            case 'd':
                return open(Kind::dictionary);
            default:
                return Errc::bencode_syntax;
        }
    }

    Error open(Kind kind) {
        if (open_.size() >= limits_.max_depth) return Errc::bencode_too_deep;
        const bool dictionary = kind == Kind::dictionary;
        open_.push_back({static_cast<std::uint32_t>(tokens_.size()), dictionary, dictionary});
        add(at_, at_ + 1, kind);
        ++at_;
        return {};
    }

    Error close() {
        if (open_.empty() || (open_.back().dictionary && !open_.back().key_next)) return Errc::bencode_syntax;
        Token& token = tokens_[open_.back().token];
        ++at_;
        token.end = static_cast<std::uint32_t>(at_);
        token.span = static_cast<std::uint32_t>(tokens_.size()) - open_.back().token;
        open_.pop_back();
        return {};
    }

    Error integer() {
        const std::size_t begin = at_++;
        const bool negative = at_ < text_.size() && text_[at_] == std::byte{'-'};
        if (negative) ++at_;
        const std::size_t digits = at_;
        while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
        if (at_ == text_.size()) return Errc::bencode_truncated;
        if (text_[at_] != std::byte{'e'} || at_ == digits) return Errc::bencode_syntax;
        const bool canonical = text_[digits] != std::byte{'0'} || (!negative && at_ - digits == 1);
        std::int64_t value = 0;
        const std::string_view number = as_text(text_.subspan(begin + 1, at_ - begin - 1));
        const bool fits =
            std::from_chars(number.data(), number.data() + number.size(), value).ec == std::errc{};
        add(begin, ++at_, canonical && fits ? Kind::integer : Kind::loose_integer);
        return {};
    }

    Error string() {
        const std::size_t begin = at_;
        std::uint64_t size = 0;
        while (at_ < text_.size() && is_digit(text_[at_])) {
            size = size * 10 + (std::to_integer<unsigned>(text_[at_]) - '0');
            if (size > limits_.max_size) return Errc::bencode_truncated;  // the text is not that long
            ++at_;
            if (text_[begin] == std::byte{'0'} && at_ - begin > 1) return Errc::bencode_syntax;
        }
        if (at_ == text_.size()) return Errc::bencode_truncated;
        if (text_[at_] != std::byte{':'}) return Errc::bencode_syntax;
        ++at_;
        if (size > text_.size() - at_) return Errc::bencode_truncated;
        const auto prefix_size = static_cast<std::uint8_t>(at_ - begin);
        at_ += size;
        add(begin, at_, Kind::string).prefix_size = prefix_size;
        return {};
    }

    Token& add(std::size_t begin, std::size_t end, Kind kind) {
        if (tokens_.size() == tokens_.capacity()) reserve(2 * tokens_.size());
        tokens_.push_back({.begin = static_cast<std::uint32_t>(begin),
                           .end = static_cast<std::uint32_t>(end),
                           .kind = kind});
        return tokens_.back();
    }

    ByteView text_;
    const Limits& limits_;
    std::size_t at_ = 0;
    std::vector<Token> tokens_;
    std::vector<Open> open_;
};

}  // namespace

std::int64_t Value::integer() const {
    assert(is_integer());
    const std::string_view text = as_text(raw());
    std::int64_t value = 0;
    std::from_chars(text.data() + 1, text.data() + text.size() - 1, value);
    return value;
}

std::int64_t Value::clamped_integer() const {
    assert(is_integer() || kind() == Kind::loose_integer);
    const std::string_view text = as_text(raw());
    std::int64_t value = 0;
    const auto read = std::from_chars(text.data() + 1, text.data() + text.size() - 1, value);
    if (read.ec == std::errc{}) return value;
    return text[1] == '-' ? std::numeric_limits<std::int64_t>::min()
                          : std::numeric_limits<std::int64_t>::max();
}

std::string_view Value::string() const {
    assert(is_string());
    return as_text(raw().subspan(token_->prefix_size));
}

Sequence<Value> Value::list() const {
    assert(is_list());
    return Sequence<Value>(*this);
}

Sequence<std::pair<std::string_view, Value>> Value::dictionary() const {
    assert(is_dictionary());
    return Sequence<std::pair<std::string_view, Value>>(*this);
}

std::optional<Value> Value::find(std::string_view key) const {
    if (!is_dictionary()) return std::nullopt;
    for (auto [name, value] : dictionary()) {
        if (name == key) return value;
    }
    return std::nullopt;
}

std::optional<Value> Value::find(std::string_view key, Kind kind) const {
    auto value = find(key);
    if (value && value->kind() != kind) return std::nullopt;
    return value;
}

std::optional<std::int64_t> Value::find_clamped(std::string_view key) const {
    const auto value = find(key);
    if (!value || (value->kind() != Kind::integer && value->kind() != Kind::loose_integer))
        return std::nullopt;
    return value->clamped_integer();
}

Result<Value> Value::get(std::string_view key, Kind kind) const {
    auto value = find(key);
    if (!value) return Errc::bencode_missing_key;
    if (value->kind() != kind) return Errc::bencode_wrong_type;
    return *value;
}

Result<std::int64_t> Value::get_integer(std::string_view key) const {
    auto value = get(key, Kind::integer);
    if (!value) return value.error();
    return value->integer();
}

Result<std::string_view> Value::get_string(std::string_view key) const {
    auto value = get(key, Kind::string);
    if (!value) return value.error();
    return value->string();
}

Result<Document> decode_prefix(ByteView text, const Limits& limits) {
    assert(limits.max_size < std::numeric_limits<std::uint32_t>::max());
    if (text.size() > limits.max_size) return Errc::bencode_too_large;
    Decoder decoder(text, limits);
    if (Error error = decoder.run()) return error;
    return Document(text.data(), decoder.take());
}

Result<Document> decode(ByteView text, const Limits& limits) {
    auto document = decode_prefix(text, limits);
    if (document && document->size() != text.size()) return Errc::bencode_trailing_data;
    return document;
}

void Writer::put(std::string_view text) {
    const ByteView bytes = as_bytes(text);
    out_.insert(out_.end(), bytes.begin(), bytes.end());
}

void Writer::put_string(std::string_view text) {
    char prefix[24];
    char* end = std::to_chars(prefix, prefix + sizeof prefix - 1, text.size()).ptr;
    *end++ = ':';
    put({prefix, end});
    put(text);
}

void Writer::before_value() {
    if (open_.empty() || !open_.back().dictionary) return;
    assert(open_.back().key_given);
    open_.back().key_given = false;
}

Writer& Writer::integer(std::int64_t value) {
    before_value();
    char text[24] = {'i'};
    char* end = std::to_chars(text + 1, text + sizeof text - 1, value).ptr;
    *end++ = 'e';
    put({text, end});
    return *this;
}

Writer& Writer::string(std::string_view value) {
    before_value();
    put_string(value);
    return *this;
}

Writer& Writer::begin_list() {
    before_value();
    open_.push_back({});
    put("l");
    return *this;
}

Writer& Writer::begin_dictionary() {
    before_value();
    open_.push_back({.dictionary = true});
    put("d");
    return *this;
}

Writer& Writer::key(std::string_view name) {
    assert(!open_.empty() && open_.back().dictionary && !open_.back().key_given);
    Open& dictionary = open_.back();
    assert(!dictionary.any_key ||
           as_text(ByteView(out_).subspan(dictionary.last_key_begin, dictionary.last_key_size)) < name);
    put_string(name);
    dictionary.any_key = dictionary.key_given = true;
    dictionary.last_key_begin = out_.size() - name.size();
    dictionary.last_key_size = name.size();
    return *this;
}

Writer& Writer::end() {
    assert(!open_.empty() && !open_.back().key_given);
    open_.pop_back();
    put("e");
    return *this;
}

Writer& Writer::raw(ByteView value) {
    before_value();
    put(as_text(value));
    return *this;
}

}  // namespace btfs::bencode
