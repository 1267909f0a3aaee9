#include "cli/settings/config_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "cli/process/failure.hpp"
#include "cli/settings/user_folders.hpp"
#include "cli/text/one_line.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSystemFile = "/etc/btfs/btfs.toml";

std::string place(const fs::path& path, std::size_t line) {
    return one_line(path.string()) + ", line " + std::to_string(line) + ": ";
}

bool is_bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// Parser that goes through the text once.
class Parser {
  public:
    Parser(std::string_view text, const fs::path& path) : rest_(text), file_{path, {}} {}

    ConfigFile parse() {
        while (skip_blank(true)) {
            if (take('[')) {
                section();
            } else {
                entry();
            }
            end_of_line();
        }
        return std::move(file_);
    }

  private:
    [[noreturn]] void fail(const std::string& what) const { throw Failure(place(file_.path, line_) + what); }

    bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
    bool take(char c) {
        if (!at(c)) return false;
        advance();
        return true;
    }
    char advance() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        line_ += c == '\n';
        return c;
    }
    /// Skips spaces and, with `lines`, comments and ends of lines. Returns false at the end of the text.
    bool skip_blank(bool lines) {
        while (!rest_.empty()) {
            if (lines && at('#')) {
                rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
            } else if (at(' ') || at('\t') || at('\r') || (lines && at('\n'))) {
                advance();
            } else {
                return true;
            }
        }
        return false;
    }
    void end_of_line() {
        if (!skip_blank(false) || at('\n') || at('#')) return;
        fail("there is more behind the value; text stands in quotes, as \"10G\"");
    }

    std::string bare_word() {
        std::string word;
        while (!rest_.empty() && is_bare(rest_.front())) word += advance();
        return word;
    }

    void section() {
        if (at('[')) fail("[[...]] has no meaning here; a section is [COMMAND]");
        section_.clear();
        do {
            skip_blank(false);
            const std::string part = bare_word();
            if (part.empty()) fail("a section is [COMMAND], as [mount] or [cache.list]");
            section_ += (section_.empty() ? "" : ".") + part;
            skip_blank(false);
        } while (take('.'));
        if (!take(']')) fail("the ] of the section is missing");
    }

    void entry() {
        ConfigEntry entry{section_, bare_word(), {}, line_};
        if (entry.key.empty() || entry.key.starts_with('-'))
            fail("an option is NAME = VALUE, without dashes before the name");
        skip_blank(false);
        if (!take('=')) fail("the = behind " + entry.key + " is missing");
        skip_blank(false);
        if (take('[')) {
            while (skip_blank(true) && !at(']')) {
                entry.values.push_back(value());
                skip_blank(true);
                if (!take(',') && !at(']') && !rest_.empty()) fail("a comma is missing in the array");
            }
            if (!take(']')) fail("the ] of the array is missing");
        } else {
            entry.values.push_back(value());
        }
        if (!known_.emplace(entry.section, entry.key).second) fail(entry.key + " stands here a second time");
        file_.entries.push_back(std::move(entry));
    }

    std::string value() {
        std::string value;
        if (at('"') || at('\'')) {
            value = string(advance());
        } else {
            while (!rest_.empty() && (is_bare(rest_.front()) || at('.') || at('+'))) value += advance();
            const bool is_word = value == "true" || value == "false";
            const bool is_number =
                value.find_first_not_of("0123456789.-+_") == std::string::npos && value.find('_') != 0;
            if (!is_word && !is_number) fail("text stands in quotes: \"" + value + "\"");
            std::erase(value, '_');
        }
        if (value.empty()) fail("a value is missing");
        return value;
    }

    std::string string(char quote) {
        std::string out;
        while (!rest_.empty() && !at('\n')) {
            const char c = advance();
            if (c == quote) return out;
            if (static_cast<unsigned char>(c) < ' ' && c != '\t')
                fail("a string has a control character in it");
            out += c == '\\' && quote == '"' ? escaped() : c;
        }
        fail("the quote at the end of a string is missing");
    }

    char escaped() {
        if (take('"')) return '"';
        if (take('\\')) return '\\';
        fail("in \"...\" a backslash stands only before a quote or a backslash; '...' takes it as it is");
    }

    std::string_view rest_;
    std::size_t line_ = 1;
    ConfigFile file_;
    std::string section_;
    std::set<std::pair<std::string, std::string>> known_;  // sections and keys
};

}  // namespace

std::string ConfigFile::place_of(const ConfigEntry& entry) const {
    return place(path, entry.line);
}

ConfigFile parse_config(std::string_view text, const fs::path& path) {
    return Parser(text, path).parse();
}

std::optional<ConfigFile> load_config(const fs::path& path) {
    const auto failure = [&](const std::string& why) {
        return Failure("config file " + one_line(path.string()) + ": " + why);
    };
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
    if (file < 0) throw failure(std::strerror(errno));
    std::string text(kMaxConfigFile + 1, '\0');
    std::size_t size = 0;
    ssize_t got = 0;
    while (size < text.size() && (got = read(file, text.data() + size, text.size() - size)) > 0)
        size += static_cast<std::size_t>(got);
    const int number = errno;
    close(file);
    if (got < 0) throw failure(std::strerror(number));
    if (size > kMaxConfigFile) throw failure("is larger than a config file may be");
    text.resize(size);
    return parse_config(text, path);
}

bool ConfigChoice::take(std::vector<std::string>& words) {
    const std::string with_value = "--config=";
    for (std::size_t i = 0; i < words.size() && words[i] != "--";) {
        std::size_t count = 0;  // words that belong to the option
        if (words[i] == "--no-config") {
            none_ = true;
            count = 1;
        } else if (words[i] == "--config") {
            if (i + 1 == words.size()) return false;
            file_ = words[i + 1];
            count = 2;
        } else if (words[i].starts_with(with_value)) {
            file_ = words[i].substr(with_value.size());
            count = 1;
        }
        if (count == 0) ++i;
        const auto begin = words.begin() + static_cast<std::ptrdiff_t>(i);
        words.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
    }
    return !file_ || !file_->empty();
}

std::vector<ConfigFile> ConfigChoice::load(bool for_system) const {
    std::vector<ConfigFile> files;
    if (none_) return files;
    if (file_) {
        auto file = load_config(*file_);
        if (!file) throw Failure("config file " + one_line(file_->string()) + ": there is none");
        files.push_back(std::move(*file));
        return files;
    }
    std::vector<fs::path> paths{kSystemFile};
    if (const auto folder = user_config_path(for_system)) paths.push_back(*folder / "btfs.toml");
    for (const fs::path& path : paths)
        if (auto file = load_config(path)) files.push_back(std::move(*file));
    return files;
}

}  // namespace btfs::cli
