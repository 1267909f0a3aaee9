#include "tests/cache/support/fault_files.hpp"

namespace btfs::test {

struct FaultFiles::Plan {
    mutable std::mutex mutex;
    Rule rule;
    std::shared_ptr<Before> before;
    std::size_t calls = 0, failed = 0;

    Fault decide(DiskCall call, const std::string& name) {
        std::shared_ptr<Before> hook;
        Fault fault;
        {
            std::lock_guard lock(mutex);
            hook = before;
            if (rule) fault = rule(call, name, calls);
            ++calls;
            failed += fault.error != 0 || (fault.short_write && call == DiskCall::write);
        }
        if (hook) (*hook)(call, name);
        return fault;
    }
    Error error(DiskCall call, const std::string& name) {
        const int number = decide(call, name).error;
        return number == 0 ? Error{} : system_error(number);
    }
};

class FaultFiles::FaultyFile final : public File {
  public:
    FaultyFile(std::unique_ptr<File> file, std::shared_ptr<Plan> plan, std::string name)
        : file_(std::move(file)), plan_(std::move(plan)), name_(std::move(name)) {}

    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) override {
        if (const Error error = plan_->error(DiskCall::read, name_)) return error;
        return file_->read(offset, out);
    }
    Result<std::size_t> read_cached(std::uint64_t offset, std::span<std::byte> out) override {
        if (const Error error = plan_->error(DiskCall::read_cached, name_)) return error;
        return file_->read_cached(offset, out);
    }
    Result<std::size_t> write(std::uint64_t offset, ByteView bytes) override {
        const Fault fault = plan_->decide(DiskCall::write, name_);
        if (fault.error != 0) return system_error(fault.error);
        return file_->write(offset, fault.short_write ? bytes.first((bytes.size() + 1) / 2) : bytes);
    }
    Error punch(ByteRange range) override {
        if (const Error error = plan_->error(DiskCall::punch, name_)) return error;
        return file_->punch(range);
    }
    Error truncate(std::uint64_t size) override {
        if (const Error error = plan_->error(DiskCall::truncate, name_)) return error;
        return file_->truncate(size);
    }
    Error sync() override {
        if (const Error error = plan_->error(DiskCall::sync, name_)) return error;
        return file_->sync();
    }
    Error write_out(ByteRange range) override {
        if (const Error error = plan_->error(DiskCall::write_out, name_)) return error;
        return file_->write_out(range);
    }
    void will_need(ByteRange range) override { file_->will_need(range); }
    OpenElsewhere open_elsewhere() override { return file_->open_elsewhere(); }
    Result<int> descriptor() override { return file_->descriptor(); }
    Result<std::uint64_t> next_data(std::uint64_t offset) override {
        if (const Error error = plan_->error(DiskCall::seek, name_)) return error;
        return file_->next_data(offset);
    }
    Result<std::uint64_t> next_hole(std::uint64_t offset) override {
        if (const Error error = plan_->error(DiskCall::seek, name_)) return error;
        return file_->next_hole(offset);
    }
    Result<FileStatus> status() override {
        if (const Error error = plan_->error(DiskCall::status, name_)) return error;
        return file_->status();
    }
    Error set_modified(std::int64_t seconds) override {
        if (const Error error = plan_->error(DiskCall::set_modified, name_)) return error;
        return file_->set_modified(seconds);
    }
    bool is_locked() override { return !plan_->error(DiskCall::lock, name_) && file_->is_locked(); }
    Error try_lock() override {
        if (const Error error = plan_->error(DiskCall::lock, name_)) return error;
        return file_->try_lock();
    }

  private:
    const std::unique_ptr<File> file_;
    const std::shared_ptr<Plan> plan_;
    const std::string name_;
};

FaultFiles::FaultFiles(std::shared_ptr<Files> files)
    : files_(std::move(files)), plan_(std::make_shared<Plan>()) {}

void FaultFiles::set_rule(Rule rule) {
    std::lock_guard lock(plan_->mutex);
    plan_->rule = std::move(rule);
}

void FaultFiles::fail(DiskCall call, int error, std::string name_ends_with) {
    set_rule([=](DiskCall asked, const std::string& name, std::size_t) {
        return asked == call && name.ends_with(name_ends_with) ? Fault{error} : Fault{};
    });
}

void FaultFiles::set_before(Before before) {
    std::lock_guard lock(plan_->mutex);
    plan_->before = before ? std::make_shared<Before>(std::move(before)) : nullptr;
}

std::size_t FaultFiles::calls() const {
    std::lock_guard lock(plan_->mutex);
    return plan_->calls;
}

std::size_t FaultFiles::failed() const {
    std::lock_guard lock(plan_->mutex);
    return plan_->failed;
}

Result<std::unique_ptr<File>> FaultFiles::open(const std::filesystem::path& name, const OpenHow& how) {
    if (const Error error = plan_->error(DiskCall::open, name)) return error;
    auto file = files_->open(name, how);
    if (!file) return file.error();
    return std::unique_ptr<File>(std::make_unique<FaultyFile>(std::move(*file), plan_, name));
}

Result<FileStatus> FaultFiles::status(const std::filesystem::path& name) {
    if (const Error error = plan_->error(DiskCall::status, name)) return error;
    return files_->status(name);
}

Error FaultFiles::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (const Error error = plan_->error(DiskCall::rename, to)) return error;
    return files_->rename(from, to);
}

Error FaultFiles::remove(const std::filesystem::path& name) {
    if (const Error error = plan_->error(DiskCall::remove, name)) return error;
    return files_->remove(name);
}

Error FaultFiles::sync_folder_of(const std::filesystem::path& name) {
    if (const Error error = plan_->error(DiskCall::sync_folder, name)) return error;
    return files_->sync_folder_of(name);
}

Result<std::vector<std::string>> FaultFiles::list() {
    if (const Error error = plan_->error(DiskCall::list, "")) return error;
    return files_->list();
}

Result<std::uint64_t> FaultFiles::bytes_free() {
    if (const Error error = plan_->error(DiskCall::space, "")) return error;
    return files_->bytes_free();
}

Result<std::uint64_t> FaultFiles::bytes_in_all() {
    if (const Error error = plan_->error(DiskCall::space, "")) return error;
    return files_->bytes_in_all();
}

}  // namespace btfs::test
