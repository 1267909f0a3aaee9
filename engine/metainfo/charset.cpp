#include "engine/metainfo/charset.hpp"

#include <iconv.h>

#include <algorithm>
#include <array>

#include "engine/core/ascii.hpp"

namespace btfs {
namespace {

/// Spelling of an encoding's name, squeezed to lower-case letters and digits, with iconv's name for the
/// encoding. Where Windows has a superset of a standard encoding, both names mean the superset: old clients
/// named the standard and wrote the superset.
struct Spelling {
    std::string_view squeezed;
    const char* iconv_name;
};

constexpr std::array kSpellings{
    Spelling{"gbk", "GB18030"},
    Spelling{"gb2312", "GB18030"},
    Spelling{"gb18030", "GB18030"},
    Spelling{"cp936", "GB18030"},
    Spelling{"euccn", "GB18030"},
    Spelling{"big5", "BIG5-HKSCS"},
    Spelling{"big5hkscs", "BIG5-HKSCS"},
    Spelling{"cp950", "BIG5-HKSCS"},
    Spelling{"shiftjis", "CP932"},
    Spelling{"sjis", "CP932"},
    Spelling{"cp932", "CP932"},
    Spelling{"ms932", "CP932"},
    Spelling{"eucjp", "EUC-JP"},
    Spelling{"cp51932", "EUC-JP"},
    Spelling{"euckr", "CP949"},
    Spelling{"ksc5601", "CP949"},
    Spelling{"uhc", "CP949"},
    Spelling{"cp949", "CP949"},
    Spelling{"koi8r", "KOI8-R"},
    Spelling{"cp20866", "KOI8-R"},
    Spelling{"koi8u", "KOI8-U"},
    Spelling{"cp866", "CP866"},
    Spelling{"ibm866", "CP866"},
    Spelling{"cp874", "CP874"},
    Spelling{"tis620", "CP874"},
    Spelling{"cp1250", "CP1250"},
    Spelling{"cp1251", "CP1251"},
    Spelling{"cp1252", "CP1252"},
    Spelling{"cp1253", "CP1253"},
    Spelling{"cp1254", "CP1254"},
    Spelling{"cp1255", "CP1255"},
    Spelling{"cp1256", "CP1256"},
    Spelling{"cp1257", "CP1257"},
    Spelling{"cp1258", "CP1258"},
    Spelling{"iso88591", "CP1252"},
    Spelling{"latin1", "CP1252"},
    Spelling{"iso88592", "ISO-8859-2"},
    Spelling{"iso88595", "ISO-8859-5"},
    Spelling{"iso88597", "ISO-8859-7"},
    Spelling{"iso88599", "ISO-8859-9"},
    Spelling{"iso885915", "ISO-8859-15"},
};

constexpr std::size_t kMaxSpellingSize = 32;

std::string squeezed(std::string_view encoding) {
    std::string out;
    for (char c : encoding.substr(0, kMaxSpellingSize)) {
        c = ascii_lower(c);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
    }
    if (out.starts_with("windows")) out.replace(0, 7, "cp");
    return out;
}

}  // namespace

void Charset::Close::operator()(void* converter) const {
    iconv_close(static_cast<iconv_t>(converter));
}

std::optional<Charset> Charset::named(std::string_view encoding) {
    const auto found = std::ranges::find(kSpellings, squeezed(encoding), &Spelling::squeezed);
    if (found == kSpellings.end()) return std::nullopt;
    const iconv_t converter = iconv_open("UTF-8", found->iconv_name);
    if (converter == reinterpret_cast<iconv_t>(-1)) return std::nullopt;
    return Charset(converter);
}

std::optional<Charset> Charset::of_code_page(std::int64_t number) {
    return named("cp" + std::to_string(number));
}

std::optional<std::string> Charset::to_utf8(std::string_view text) const {
    const auto converter = static_cast<iconv_t>(converter_.get());
    iconv(converter, nullptr, nullptr, nullptr, nullptr);
    std::string out(text.size() * 4, '\0');     // no byte of these encodings becomes more than four
    char* in = const_cast<char*>(text.data());  // iconv only reads it
    char* to = out.data();
    std::size_t left = text.size(), room = out.size();
    if (iconv(converter, &in, &left, &to, &room) == static_cast<std::size_t>(-1) || left > 0)
        return std::nullopt;
    out.resize(out.size() - room);
    return out;
}

}  // namespace btfs
