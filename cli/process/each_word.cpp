#include "cli/process/each_word.hpp"

#include <iostream>

#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"

namespace btfs::cli {

int each_word(const std::vector<std::string>& words, const std::function<void(const std::string&)>& act) {
    int exit_code = kSuccess;
    for (const std::string& word : words) {
        try {
            act(word);
        } catch (const Failure& failure) {
            if (words.size() == 1) throw;
            std::cerr << "btfs: " << failure.what() << '\n';
            exit_code = kFailure;
        }
    }
    return exit_code;
}

}  // namespace btfs::cli
