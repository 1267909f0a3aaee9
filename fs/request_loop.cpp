#include "fs/request_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "engine/log/log.hpp"

namespace btfs {

RequestLoop::RequestLoop() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void RequestLoop::serve(fuse_session& session) {
    const FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    epoll_event device{};
    device.events = EPOLLIN | EPOLLEXCLUSIVE;  // one thread for one request
    epoll_event wake{};
    wake.events = EPOLLIN;
    fuse_buf buffer{};
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fuse_session_fd(&session), &device) == 0 &&
        epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake_.get(), &wake) == 0) {
        serve_requests(session, buffer, epoll.get());
    } else {
        failed_ = true;
    }
    std::free(buffer.mem);
    end();
}

void RequestLoop::serve_requests(fuse_session& session, fuse_buf& buffer, int epoll) {
    while (!ending_) {
        const int got = fuse_session_receive_buf(&session, &buffer);
        if (got > 0) {
            fuse_session_process_buf(&session, &buffer);
        } else if (got == -EAGAIN) {
            epoll_event event{};
            epoll_wait(epoll, &event, 1, -1);
        } else if (got == 0) {
            unmounted_ = true;
            return;
        } else if (got != -EINTR) {
            log::error("reading requests of the mount: {}", std::strerror(-got));
            failed_ = true;
            return;
        }
    }
}

void RequestLoop::end() {
    ending_ = true;
    eventfd_write(wake_.get(), 1);
}

}  // namespace btfs
