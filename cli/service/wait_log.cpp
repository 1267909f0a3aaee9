#include "cli/service/wait_log.hpp"

#include <utility>

namespace btfs::cli {

std::vector<ReaderStatus> WaitLog::look(std::span<const ReaderStatus> readers) {
    std::vector<ReaderStatus> news;
    std::set<ReaderId> still_told;
    for (const ReaderStatus& reader : readers) {
        if (reader.waiting == 0) continue;
        if (told_.contains(reader.reader)) {
            still_told.insert(reader.reader);
        } else if (reader.waited >= kPatience) {
            still_told.insert(reader.reader);
            news.push_back(reader);
        }
    }
    told_ = std::move(still_told);
    return news;
}

}  // namespace btfs::cli
