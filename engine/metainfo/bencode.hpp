// Bencode (BEP 3): a decoder that borrows the bytes it reads, and a writer of the canonical form.
#pragma once

#include <cassert>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"

namespace btfs::bencode {

/// Bounds of one document: beyond them it is refused. The defaults suit messages of peers, trackers and the
/// DHT.
struct Limits {
    std::size_t max_size = std::size_t{4} << 20;  ///< bytes; below 4 GiB
    std::uint32_t max_depth = 64;                 ///< lists and dictionaries inside each other
    std::uint32_t max_tokens = 1 << 20;           ///< values and keys
};

/// `loose_integer`: digits that are no canonical integer (-0, 007) or have no room in 64 bits. A getter of
/// integers finds nothing there, so that such a number harms only those who need it.
enum class Kind : std::uint8_t { integer, loose_integer, string, list, dictionary };

/// One value or key of a decoded document. Tokens lie in the order of the text, so that a list's items
/// follow it and a value is skipped by adding its span.
struct Token {
    std::uint32_t begin = 0;  ///< offset of the first byte of the value's text
    std::uint32_t end = 0;    ///< offset behind its last byte
    std::uint32_t span = 1;   ///< tokens of this value, itself included
    Kind kind = Kind::integer;
    std::uint8_t prefix_size = 0;  ///< of a string: the bytes of its length and colon
};

class Value;

/// The items of a list, or the keys and values of a dictionary, in the order of the text.
template <class Item>
class Sequence;

/// A view of one value; copied freely. Valid while the document and the bytes it was decoded from are.
/// Of two equal keys the first one counts; keys need not be sorted, since real torrents have unsorted ones.
class Value {
  public:
    Value(const std::byte* text, const Token* token) : text_(text), token_(token) {}

    Kind kind() const { return token_->kind; }
    bool is_integer() const { return kind() == Kind::integer; }
    bool is_string() const { return kind() == Kind::string; }
    bool is_list() const { return kind() == Kind::list; }
    bool is_dictionary() const { return kind() == Kind::dictionary; }

    /// These four want a value of their kind (asserted); the getters below check.
    std::int64_t integer() const;
    std::string_view string() const;
    Sequence<Value> list() const;
    Sequence<std::pair<std::string_view, Value>> dictionary() const;

    /// Of an integer of either kind: its value, or the nearest one that 64 bits can hold (asserted).
    std::int64_t clamped_integer() const;

    /// The value of a key; nothing if there is none, or if this is no dictionary.
    std::optional<Value> find(std::string_view key) const;
    /// As find(), but nothing either if the value is of another kind.
    std::optional<Value> find(std::string_view key, Kind kind) const;
    /// The number of a key; nothing if there is none, or one that T has no room for.
    template <std::unsigned_integral T>
    std::optional<T> find_number(std::string_view key) const {
        const auto value = find(key, Kind::integer);
        if (!value || !std::in_range<T>(value->integer())) return std::nullopt;
        return static_cast<T>(value->integer());
    }

    /// The integer of either kind of a key, clamped to 64 bits.
    std::optional<std::int64_t> find_clamped(std::string_view key) const;

    /// The value of a key. Errors: bencode_missing_key, bencode_wrong_type.
    Result<Value> get(std::string_view key, Kind kind) const;
    Result<std::int64_t> get_integer(std::string_view key) const;
    Result<std::string_view> get_string(std::string_view key) const;

    /// The bytes that the value was decoded from, for hashing.
    ByteView raw() const { return {text_ + token_->begin, token_->end - token_->begin}; }

  private:
    template <class Item>
    friend class Sequence;

    const std::byte* text_;
    const Token* token_;
};

template <class Item>
class Sequence {
  public:
    class Iterator {
      public:
        using value_type = Item;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;

        Iterator() = default;
        Iterator(const std::byte* text, const Token* token) : text_(text), token_(token) {}

        Item operator*() const {
            if constexpr (std::is_same_v<Item, Value>) {
                return Value(text_, token_);
            } else {
                return {Value(text_, token_).string(), Value(text_, token_ + 1)};
            }
        }
        Iterator& operator++() {
            if constexpr (!std::is_same_v<Item, Value>) ++token_;
            token_ += token_->span;
            return *this;
        }
        Iterator operator++(int) { return std::exchange(*this, std::next(*this)); }
        bool operator==(const Iterator& other) const { return token_ == other.token_; }

      private:
        const std::byte* text_ = nullptr;
        const Token* token_ = nullptr;
    };

    explicit Sequence(Value of) : of_(of) {}
    Iterator begin() const { return {of_.text_, of_.token_ + 1}; }
    Iterator end() const { return {of_.text_, of_.token_ + of_.token_->span}; }
    bool empty() const { return of_.token_->span == 1; }

  private:
    Value of_;
};

/// A decoded text: owns the tokens, borrows the bytes. Moving it keeps its values valid.
class Document {
  public:
    Value root() const { return {text_, tokens_.data()}; }
    /// Bytes of the text that the root value took.
    std::size_t size() const { return tokens_.front().end; }

  private:
    friend Result<Document> decode_prefix(ByteView, const Limits&);
    Document(const std::byte* text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

    const std::byte* text_;
    std::vector<Token> tokens_;
};

/// Decodes one value that takes all of `text`. Neither recursion nor memory grows with its nesting: beyond
/// the limit decoding ends. Keys are strings; integers may be loose (see Kind).
Result<Document> decode(ByteView text, const Limits& limits = {});
/// Decodes the value that `text` begins with, and ignores bytes behind it (BEP 9 sends data there).
Result<Document> decode_prefix(ByteView text, const Limits& limits = {});

/// Appends values to a vector that the caller owns. Keys come in sorted order, each followed by one value
/// (asserted).
class Writer {
  public:
    explicit Writer(Bytes& out) : out_(out) {}

    Writer& integer(std::int64_t value);
    Writer& string(std::string_view value);
    Writer& string(ByteView value) { return string(as_text(value)); }
    Writer& begin_list();
    Writer& begin_dictionary();
    Writer& key(std::string_view name);
    /// Ends the innermost list or dictionary.
    Writer& end();
    /// One value that is bencode already.
    Writer& raw(ByteView value);

  private:
    struct Open {
        bool dictionary = false;
        bool key_given = false;
        std::size_t last_key_begin = 0;  ///< in out_, of the last key's text
        std::size_t last_key_size = 0;
        bool any_key = false;
    };

    void before_value();
    void put(std::string_view text);
    void put_string(std::string_view text);

    Bytes& out_;
    std::vector<Open> open_;
};

}  // namespace btfs::bencode
