// A folder of a test's own, removed at its end.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace btfs {

struct TemporaryFolder {
    TemporaryFolder() {
        // Symlinks are resolved, so that paths can be compared.
        std::string name =
            std::filesystem::canonical(std::filesystem::temp_directory_path()) / "btfs-test-XXXXXX";
        if (mkdtemp(name.data()) == nullptr) std::abort();
        path = name;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    void write(const std::string& name, const std::string& content) const {
        std::ofstream(path / name, std::ios::binary) << content;
    }

    std::filesystem::path path;
};

}  // namespace btfs
