// Minimal FUSE file system, for comparison with a mount: one file, whose reads are answered from a backing
// file by pread (or with --splice by handing the kernel its descriptor).
//
//   bare_fuse [--splice] FILE MOUNTPOINT      shows FILE as MOUNTPOINT/file, in the foreground, until
//   unmounted
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

namespace {

constexpr fuse_ino_t kFile = 2;
constexpr double kForever = 1e9;
constexpr unsigned kMaxBackground = 65535;  // as btfs asks for, so that the kernel grants both the same

struct Backing {
    int descriptor = -1;
    off_t size = 0;
    bool splice = false;
};

Backing& backing(fuse_req_t req) {
    return *static_cast<Backing*>(fuse_req_userdata(req));
}

struct stat attributes(fuse_ino_t node, off_t size) {
    struct stat s = {};
    s.st_ino = node;
    s.st_mode = node == kFile ? S_IFREG | 0444 : S_IFDIR | 0555;
    s.st_nlink = 1;
    s.st_size = node == kFile ? size : 0;
    return s;
}

void on_init(void* userdata, fuse_conn_info* connection) {
    connection->max_read = 1 << 20;
    connection->max_background = kMaxBackground;
    connection->congestion_threshold = kMaxBackground;
    connection->want |= connection->capable & FUSE_CAP_ASYNC_READ;
    connection->want &= ~FUSE_CAP_AUTO_INVAL_DATA;
    if (static_cast<Backing*>(userdata)->splice)
        connection->want |= connection->capable & (FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

void on_lookup(fuse_req_t req, fuse_ino_t, const char* name) {
    if (std::strcmp(name, "file") != 0) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    fuse_entry_param entry = {};
    entry.ino = kFile;
    entry.attr = attributes(kFile, backing(req).size);
    entry.attr_timeout = entry.entry_timeout = kForever;
    fuse_reply_entry(req, &entry);
}

void on_getattr(fuse_req_t req, fuse_ino_t node, fuse_file_info*) {
    const struct stat s = attributes(node, backing(req).size);
    fuse_reply_attr(req, &s, kForever);
}

void on_open(fuse_req_t req, fuse_ino_t, fuse_file_info* info) {
    info->keep_cache = 1;
    fuse_reply_open(req, info);
}

void on_read(fuse_req_t req, fuse_ino_t, std::size_t size, off_t begin, fuse_file_info*) {
    const Backing& file = backing(req);
    if (file.splice) {
        fuse_bufvec data = FUSE_BUFVEC_INIT(size);
        data.buf[0].flags = static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK);
        data.buf[0].fd = file.descriptor;
        data.buf[0].pos = begin;
        fuse_reply_data(req, &data, FUSE_BUF_SPLICE_MOVE);
        return;
    }
    thread_local std::vector<char> memory(1 << 20);
    const ssize_t got = pread(file.descriptor, memory.data(), size, begin);
    if (got < 0) {
        fuse_reply_err(req, errno);
    } else {
        fuse_reply_buf(req, memory.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace

int main(int argc, char** argv) {
    Backing file;
    file.splice = argc == 4 && std::string(argv[1]) == "--splice";
    if (argc != 3 && !file.splice) {
        std::fprintf(stderr, "usage: bare_fuse [--splice] FILE MOUNTPOINT\n");
        return 2;
    }
    const char* path = argv[argc - 2];
    const char* mountpoint = argv[argc - 1];
    file.descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat found = {};
    if (file.descriptor < 0 || fstat(file.descriptor, &found) != 0) {
        std::perror(path);
        return 1;
    }
    file.size = found.st_size;

    fuse_lowlevel_ops operations = {};
    operations.init = on_init;
    operations.lookup = on_lookup;
    operations.getattr = on_getattr;
    operations.open = on_open;
    operations.read = on_read;
    std::string name = "bare_fuse", option = "-o",
                options = "ro,noatime,default_permissions,max_read=1048576";
    char* words[] = {name.data(), option.data(), options.data()};
    fuse_args arguments = FUSE_ARGS_INIT(3, words);
    const std::unique_ptr<fuse_session, decltype(&fuse_session_destroy)> session(
        fuse_session_new(&arguments, &operations, sizeof operations, &file), fuse_session_destroy);
    fuse_opt_free_args(&arguments);
    if (!session || fuse_set_signal_handlers(session.get()) != 0) return 1;
    if (fuse_session_mount(session.get(), mountpoint) != 0) return 1;
    fuse_loop_config* config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_idle_threads(config, 8);
    fuse_session_loop_mt(session.get(), config);
    fuse_loop_cfg_destroy(config);
    fuse_session_unmount(session.get());
    fuse_remove_signal_handlers(session.get());
    return 0;
}
