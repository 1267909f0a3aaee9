#include "cli/settings/config_words.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "cli/process/failure.hpp"
#include "cli/text/one_line.hpp"

namespace btfs::cli {
namespace {

/// Thrown when the command line is parsed, in place of carrying its command out.
struct Parsed {};

/// An entry for the command that is given.
struct Chosen {
    const ConfigFile* file;
    const ConfigEntry* entry;
    CLI::Option* option;
};

std::vector<CLI::App*> commands_of(CLI::App& app) {
    return app.get_subcommands([](CLI::App*) { return true; });
}

CLI::Option* option_of(CLI::App& app, const std::string& key) {
    if (key == "help" || key == "h" || key == "version" || key == "config" || key == "no-config")
        return nullptr;
    return app.get_option_no_throw((key.size() == 1 ? "-" : "--") + key);
}

bool has_option(CLI::App& app, const std::string& key) {
    if (option_of(app, key) != nullptr) return true;
    return std::ranges::any_of(commands_of(app),
                               [&](CLI::App* command) { return has_option(*command, key); });
}

/// Returns the command of the section; null if there is none.
CLI::App* command_of(CLI::App& app, std::string_view section) {
    CLI::App* command = &app;
    while (!section.empty()) {
        const std::string_view name = section.substr(0, section.find('.'));
        section.remove_prefix(std::min(section.size(), name.size() + 1));
        const auto commands = commands_of(*command);
        const auto found =
            std::ranges::find(commands, name, [](CLI::App* below) { return below->get_name(); });
        if (found == commands.end()) return nullptr;
        command = *found;
    }
    return command;
}

/// Throws Failure for an entry that is meant for no command.
void check_names(CLI::App& app, const ConfigFile& file, const ConfigEntry& entry) {
    CLI::App* const command = command_of(app, entry.section);
    if (command == nullptr)
        throw Failure(file.place_of(entry) + "[" + entry.section + "] is the name of no command");
    if (has_option(*command, entry.key)) return;
    throw Failure(
        file.place_of(entry) +
        (entry.section.empty() ? "no command has an option " : "btfs " + entry.section + " has no option ") +
        entry.key);
}

bool holds_for(const std::string& section, const std::string& command) {
    return section.empty() || command == section || command.starts_with(section + ".");
}

bool excluded_by(const CLI::Option& option, CLI::Option* other) {
    return option.get_excludes().contains(other);
}

/// Returns true if the option, or one that excludes it, has a value already.
bool is_given(const CLI::Option& option) {
    return option.count() > 0 || std::ranges::any_of(option.get_excludes(), [](const CLI::Option* other) {
               return other->count() > 0;
           });
}

std::string with_home(const std::string& value) {
    const char* const home = std::getenv("HOME");
    return value.starts_with("~/") && home != nullptr ? home + value.substr(1) : value;
}

/// Lists the entries for `command`, the strongest first.
std::vector<Chosen> entries_for(CLI::App& app, CLI::App& command, const std::string& name,
                                const std::vector<ConfigFile>& files) {
    std::vector<Chosen> all;
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
        const std::size_t first = all.size();
        for (const ConfigEntry& entry : file->entries) {
            check_names(app, *file, entry);
            CLI::Option* const option = option_of(command, entry.key);
            if (option != nullptr && holds_for(entry.section, name)) all.push_back({&*file, &entry, option});
        }
        std::stable_sort(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(),
                         [](const Chosen& a, const Chosen& b) {
                             return a.entry->section.size() > b.entry->section.size();
                         });
    }
    return all;
}

/// Returns the entry's words. Throws Failure if the option does not take the values.
std::vector<std::string> words_of(const Chosen& chosen) {
    const std::string name = (chosen.entry->key.size() == 1 ? "-" : "--") + chosen.entry->key;
    std::vector<std::string> words;
    const bool is_flag = chosen.option->get_items_expected_min() == 0;
    const auto fail = [&](const std::string& why) {
        throw Failure(chosen.file->place_of(*chosen.entry) + chosen.entry->key + ": " + one_line(why));
    };
    if (is_flag ? chosen.entry->values.size() != 1
                : chosen.entry->values.size() > 1 && chosen.option->get_items_expected_max() == 1)
        fail("takes one value");
    for (const std::string& given : chosen.entry->values) {
        const std::string value = with_home(given);
        if (is_flag && value == "false") return {};
        if (is_flag && value == "true") return {name};
        chosen.option->add_result(value);
        if (name.size() == 2 && !is_flag) {
            words.insert(words.end(), {name, value});
        } else {
            words.push_back(name + "=" + value);
        }
    }
    try {
        if (!words.empty()) chosen.option->run_callback();
    } catch (const CLI::Error& error) {
        fail(error.what());
    }
    return words;
}

}  // namespace

std::vector<std::string> with_config(CLI::App& app, std::vector<std::string> arguments,
                                     const std::function<std::vector<ConfigFile>()>& load) {
    app.parse_complete_callback([] { throw Parsed{}; });  // before those of the commands
    try {
        app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const Parsed&) {
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return arguments;  // --help needs no config
        // A missing option may be in a file; every other mistake is found again.
    }
    CLI::App* command = &app;
    std::string name;
    std::ptrdiff_t depth = 0;
    for (auto parsed = app.get_subcommands(); !parsed.empty(); parsed = command->get_subcommands()) {
        command = parsed.front();
        name += (name.empty() ? "" : ".") + command->get_name();
        ++depth;
    }
    const std::vector<ConfigFile> files = load();
    std::vector<Chosen> taken;
    std::vector<std::string> words;
    for (const Chosen& chosen : entries_for(app, *command, name, files)) {
        bool overridden = is_given(*chosen.option);
        for (const Chosen& stronger : taken) {
            if (stronger.option == chosen.option) overridden = true;
            if (!excluded_by(*chosen.option, stronger.option)) continue;
            overridden = true;
            if (stronger.file == chosen.file)
                throw Failure(chosen.file->place_of(*chosen.entry) + chosen.entry->key + " excludes " +
                              stronger.entry->key + " of line " + std::to_string(stronger.entry->line));
        }
        if (overridden) continue;
        for (std::string& word : words_of(chosen)) words.push_back(std::move(word));
        taken.push_back(chosen);
    }
    arguments.insert(arguments.begin() + depth, words.begin(), words.end());
    return arguments;
}

}  // namespace btfs::cli
