//! Windows: `WSARecvMsg` and `WSASendMsg` with control messages, and timestamps by `SIO_TIMESTAMPING`
//! where the system (Windows 11, Server 2022) and the network card's driver give them.
//!
//! Stamps are generated between the card's driver and NDIS, in ticks of the performance counter; they
//! become the wall clock's time here. A driver that gives none leaves `at` empty, and that is what most do.

use crate::{
    Departure, Local, Received, Stamps, Told,
    ticks::{Outstanding, Pair},
    winsock::{self, Control},
};
use std::{
    io, mem,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    os::windows::io::AsRawSocket,
    ptr::{null, null_mut},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use windows_sys::Win32::{
    Foundation::{CloseHandle, HANDLE, WAIT_OBJECT_0},
    Networking::WinSock::{
        CMSGHDR, IP_DONTFRAGMENT, IP_HOPLIMIT, IP_MTU, IP_MTU_DISCOVER, IP_PKTINFO, IP_PMTUDISC_PROBE,
        IP_RECVTOS, IPPROTO_IP, IPPROTO_IPV6, IPV6_DONTFRAG, IPV6_HOPLIMIT, IPV6_MTU, IPV6_MTU_DISCOVER,
        IPV6_PKTINFO, IPV6_RECVTCLASS, IPV6_TCLASS, LPFN_WSARECVMSG, MSG_TRUNC,
        SIO_GET_EXTENSION_FUNCTION_POINTER, SIO_GET_TX_TIMESTAMP, SIO_TIMESTAMPING, SIO_UDP_CONNRESET,
        SIO_UDP_NETRESET, SOCKADDR, SOCKET, TIMESTAMPING_CONFIG, TIMESTAMPING_FLAG_RX, TIMESTAMPING_FLAG_TX,
        WSA_IO_PENDING, WSA_OPERATION_ABORTED, WSABUF, WSAEMSGSIZE, WSAGetLastError, WSAGetOverlappedResult,
        WSAID_WSARECVMSG, WSAIoctl, WSAMSG, WSASendMsg, getsockopt, setsockopt,
    },
    System::{
        IO::{CancelIoEx, OVERLAPPED},
        Performance::{QueryPerformanceCounter, QueryPerformanceFrequency},
        Threading::{CreateEventW, INFINITE, WaitForSingleObject},
    },
};

const _: () = assert!(size_of::<CMSGHDR>() == winsock::HEADER, "control messages are read as on 64 bits");

/// As many times of leaving are kept by the system; twenty milliseconds apart they are asked for sooner.
const BUFFERED: u16 = 64;

/// What a socket needs beside its handle.
#[derive(Debug)]
pub(crate) struct State {
    receive: Option<(ReceiveMessage, Mutex<Event>)>,
    send: Option<Mutex<Event>>,
    outstanding: Mutex<Outstanding>,
    class: AtomicU8,
    v6: bool,
}

/// `WSARecvMsg`, which has to be asked for.
#[derive(Clone, Copy)]
struct ReceiveMessage(LPFN_WSARECVMSG);

impl std::fmt::Debug for ReceiveMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WSARecvMsg")
    }
}

/// What an operation waits on until it is over.
#[derive(Debug)]
struct Event(HANDLE);

// SAFETY: an event's handle may be used by any thread of the process.
unsafe impl Send for Event {}

impl Event {
    fn new() -> Option<Self> {
        // SAFETY: takes no attributes and no name; to be reset by whoever uses it, not set at first.
        let handle = unsafe { CreateEventW(null(), 1, 0, null()) };
        (!handle.is_null()).then_some(Self(handle))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the handle was opened by `new` and is closed only here.
        unsafe { CloseHandle(self.0) };
    }
}

/// Asks for all that can be told. A refusal is no error: the thing is then not told.
pub(crate) fn prepare(socket: &UdpSocket, v6: bool, stamps: Stamps) -> (Stamps, State) {
    let (v4_options, v6_options) =
        ([IP_RECVTOS, IP_HOPLIMIT, IP_PKTINFO], [IPV6_RECVTCLASS, IPV6_HOPLIMIT, IPV6_PKTINFO]);
    v4_options.into_iter().for_each(|option| drop(set(socket, IPPROTO_IP, option, 1)));
    if v6 {
        v6_options.into_iter().for_each(|option| drop(set(socket, IPPROTO_IPV6, option, 1)));
    }
    // Else a "port unreachable" from one peer would be an error of the next datagram of another.
    let _ = control(socket, SIO_UDP_CONNRESET, &0u32);
    let _ = control(socket, SIO_UDP_NETRESET, &0u32);
    let receive = receive_message(socket).and_then(|f| Some((f, Mutex::new(Event::new()?))));
    let ask = |flags| {
        let config = TIMESTAMPING_CONFIG { Flags: flags, TxTimestampsBuffered: BUFFERED };
        receive.is_some() && control(socket, SIO_TIMESTAMPING, &config).is_ok()
    };
    let granted = match stamps {
        Stamps::Both if ask(TIMESTAMPING_FLAG_RX | TIMESTAMPING_FLAG_TX) => Stamps::Both,
        Stamps::Both | Stamps::Receive if ask(TIMESTAMPING_FLAG_RX) => Stamps::Receive,
        _ => Stamps::None,
    };
    let send = Event::new().map(Mutex::new);
    let outstanding = Mutex::default();
    (granted, State { receive, send, outstanding, class: AtomicU8::new(0), v6 })
}

/// The socket has one peer: from now on its "port unreachable" is to be told.
pub(crate) fn connected(socket: &UdpSocket) {
    let _ = control(socket, SIO_UDP_CONNRESET, &1u32);
}

pub(crate) fn set_traffic_class(_: &UdpSocket, state: &State, class: u8) -> io::Result<()> {
    // Windows takes a marking by `setsockopt(IP_TOS)` and ignores it.
    if class != 0 && !marks() {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this version of Windows does not let programs mark their packets",
        ));
    }
    state.class.store(class, Ordering::Relaxed);
    Ok(())
}

/// Whether this Windows marks what a control message asks it to mark. Those that do take the option for
/// IPv6 as well, which others refuse: that is how MsQuic tells (datapath_winuser.c).
fn marks() -> bool {
    static MARKS: OnceLock<bool> = OnceLock::new();
    *MARKS.get_or_init(|| {
        let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::DGRAM, None);
        socket.is_ok_and(|socket| set(&UdpSocket::from(socket), IPPROTO_IPV6, IPV6_TCLASS, 1).is_ok())
    })
}

pub(crate) fn receive(socket: &UdpSocket, state: &State, buffer: &mut [u8]) -> io::Result<Received> {
    let Some((ReceiveMessage(Some(function)), event)) = &state.receive else {
        let (length, from) = socket.recv_from(buffer)?;
        return Ok(Received {
            length,
            truncated: false,
            from,
            to: None,
            at: None,
            traffic_class: None,
            ttl: None,
        });
    };
    let timeout = socket.read_timeout()?;
    let event = lock(event);
    let mut messages = Control::new();
    let mut name = socket2::SockAddrStorage::zeroed();
    let mut vector = WSABUF { len: length_of(buffer.len()), buf: buffer.as_mut_ptr() };
    let mut message = WSAMSG {
        name: (&raw mut name).cast::<SOCKADDR>(),
        namelen: size_of::<socket2::SockAddrStorage>() as i32,
        lpBuffers: &raw mut vector,
        dwBufferCount: 1,
        Control: WSABUF { len: winsock::ROOM as u32, buf: messages.as_mut_ptr() },
        dwFlags: 0,
    };
    let raw = handle(socket);
    // SAFETY: every pointer in `message` is to a local of the stated length, and `finish` does not return
    // before the system has done with them.
    let done = finish(raw, &event, timeout, |overlapped| unsafe {
        function(raw, &raw mut message, null_mut(), overlapped, None)
    })?;
    let ticks = pair();
    // SAFETY: the system wrote an address of this length into the storage.
    let from = unsafe { socket2::SockAddr::new(name, message.namelen) };
    let truncated = done.truncated || (done.flags | message.dwFlags) & MSG_TRUNC != 0;
    // The address is promised for sockets without a peer only; of the others it is the peer's.
    let from = match from.as_socket() {
        Some(from) => from,
        // Nor is it always told who sent what was cut off. Port 0 is nobody: nobody is answered.
        None if truncated => (Ipv4Addr::UNSPECIFIED, 0).into(),
        None => socket.peer_addr()?,
    };
    let length = if truncated { buffer.len() } else { (done.bytes as usize).min(buffer.len()) };
    let mut received =
        Received { length, truncated, from, to: None, at: None, traffic_class: None, ttl: None };
    let mut stamp = None;
    winsock::each_message(&messages.bytes(message.Control.len as usize), |level, kind, data| {
        stamp = winsock::note(&mut received, level, kind, data).or(stamp);
    });
    received.at = stamp.and_then(|stamp| ticks?.unix(stamp));
    Ok(received)
}

pub(crate) fn send(socket: &UdpSocket, state: &State, stamps: Stamps, datagram: &[u8]) -> io::Result<()> {
    transmit(socket, state, stamps, datagram, None)
}

pub(crate) fn send_to(
    socket: &UdpSocket,
    state: &State,
    stamps: Stamps,
    datagram: &[u8],
    to: SocketAddr,
) -> io::Result<()> {
    transmit(socket, state, stamps, datagram, Some(to))
}

fn transmit(
    socket: &UdpSocket,
    state: &State,
    stamps: Stamps,
    datagram: &[u8],
    to: Option<SocketAddr>,
) -> io::Result<()> {
    let class = state.class.load(Ordering::Relaxed);
    if stamps != Stamps::Both && class == 0 {
        return match to {
            Some(to) => socket.send_to(datagram, to).map(drop),
            None => socket.send(datagram).map(drop),
        };
    }
    let mut outstanding = lock(&state.outstanding);
    let mut messages = Control::new();
    if stamps == Stamps::Both {
        messages.put_stamp_id(outstanding.next());
    }
    if class != 0 {
        messages.put_class(state.v6, class);
    }
    send_message(socket, state, datagram, to, &mut messages)?;
    outstanding.sent();
    Ok(())
}

pub(crate) const TOO_LARGE: i32 = WSAEMSGSIZE;

/// Probing if this Windows knows it (10, version 1803, on); else by the older option, under which the system may
/// hold back what it has learnt to be too large for the path.
pub(crate) fn forbid_fragments(socket: &UdpSocket) -> io::Result<()> {
    let v4 = || {
        set(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
            .or_else(|_| set(socket, IPPROTO_IP, IP_DONTFRAGMENT, 1))
    };
    if socket.local_addr()?.is_ipv4() {
        return v4();
    }
    let _ = v4();
    set(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_PROBE)
        .or_else(|_| set(socket, IPPROTO_IPV6, IPV6_DONTFRAG, 1))
}

pub(crate) fn path_mtu(socket: &UdpSocket) -> Option<u32> {
    let (level, name) = match socket.peer_addr().ok()? {
        SocketAddr::V4(_) => (IPPROTO_IP, IP_MTU),
        SocketAddr::V6(_) => (IPPROTO_IPV6, IPV6_MTU),
    };
    let (mut value, mut length) = (0u32, size_of::<u32>() as i32);
    // SAFETY: the handle is open as long as `socket` lives, and there is room for the number.
    let result = unsafe { getsockopt(handle(socket), level, name, (&raw mut value).cast(), &raw mut length) };
    (result == 0).then_some(value)
}

pub(crate) fn answer(
    socket: &UdpSocket,
    state: &State,
    datagram: &[u8],
    request: &Received,
    class: u8,
) -> io::Result<()> {
    let mut messages = Control::new();
    let mapped = matches!(request.from.ip(), IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    if let Some(local) = request.to {
        // On a socket of both families the address of an IPv4 request is written as a mapped one.
        messages.put_local(match local.address {
            IpAddr::V4(v4) if mapped => Local { address: v4.to_ipv6_mapped().into(), ..local },
            _ => local,
        });
    }
    if class != 0 && marks() {
        messages.put_class(state.v6 && !mapped, class);
    }
    let sent = send_message(socket, state, datagram, Some(request.from), &mut messages);
    match sent {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput && messages.used() > 0 => {
            // Rather from another of our addresses, or unmarked, than not at all.
            socket.send_to(datagram, request.from).map(drop)
        }
        sent => sent,
    }
}

/// The times at which datagrams left, as far as they are known.
pub(crate) fn told(socket: &UdpSocket, state: &State, stamps: Stamps, each: &mut dyn FnMut(Told<'_>)) {
    if stamps != Stamps::Both {
        return;
    }
    let mut pairs = None;
    let stamp_of = |id: u32| {
        let (mut stamp, mut bytes) = (0u64, 0u32);
        // SAFETY: the name and the place for the time are given with their lengths and outlive the call.
        let result = unsafe {
            WSAIoctl(
                handle(socket),
                SIO_GET_TX_TIMESTAMP,
                (&raw const id).cast(),
                size_of::<u32>() as u32,
                (&raw mut stamp).cast(),
                size_of::<u64>() as u32,
                &raw mut bytes,
                null_mut(),
                None,
            )
        };
        (result == 0 && bytes as usize == size_of::<u64>()).then_some(stamp)
    };
    lock(&state.outstanding).ask(stamp_of, |id, stamp| {
        let at = pairs.get_or_insert_with(pair).and_then(|pair| pair.unix(stamp));
        each_some(at, |at| each(Told::Departed(Departure { id, at, at_driver: true })));
    });
}

/// Windows tells of a datagram that died at most that there was one, and not who said so.
pub(crate) fn hear_complaints(_: &UdpSocket) -> bool {
    false
}

fn each_some<T>(value: Option<T>, mut each: impl FnMut(T)) {
    if let Some(value) = value {
        each(value);
    }
}

/// The performance counter and the wall clock now.
fn pair() -> Option<Pair> {
    static FREQUENCY: OnceLock<u64> = OnceLock::new();
    let frequency = *FREQUENCY.get_or_init(|| {
        let mut frequency = 0i64;
        // SAFETY: there is room for the number.
        unsafe { QueryPerformanceFrequency(&raw mut frequency) };
        u64::try_from(frequency).unwrap_or_default()
    });
    let ticks = || {
        let mut ticks = 0i64;
        // SAFETY: there is room for the number.
        unsafe { QueryPerformanceCounter(&raw mut ticks) };
        u64::try_from(ticks).unwrap_or_default()
    };
    // Rust's wall clock is `GetSystemTimePreciseAsFileTime`, in units of 100 ns.
    let wall = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    Pair::best_of((0..3).map(|_| (ticks(), wall(), ticks())), frequency)
}

/// Sends with control messages, to the peer if nobody is named.
fn send_message(
    socket: &UdpSocket,
    state: &State,
    datagram: &[u8],
    to: Option<SocketAddr>,
    messages: &mut Control,
) -> io::Result<()> {
    let Some(event) = &state.send else { return Err(io::ErrorKind::Unsupported.into()) };
    let timeout = socket.write_timeout()?;
    let to = to.map(socket2::SockAddr::from);
    let mut vector = WSABUF { len: length_of(datagram.len()), buf: datagram.as_ptr().cast_mut() };
    let used = messages.used();
    let message = WSAMSG {
        name: to.as_ref().map_or(null_mut(), |to| to.as_ptr().cast::<SOCKADDR>().cast_mut()),
        namelen: to.as_ref().map_or(0, |to| to.len()),
        lpBuffers: &raw mut vector,
        dwBufferCount: 1,
        Control: WSABUF { len: used as u32, buf: if used == 0 { null_mut() } else { messages.as_mut_ptr() } },
        dwFlags: 0,
    };
    let event = lock(event);
    let raw = handle(socket);
    // SAFETY: every pointer in `message` is to something of the stated length that outlives the call, which
    // writes to none of it, and `finish` does not return before the system has done with them.
    let done = finish(raw, &event, timeout, |overlapped| unsafe {
        WSASendMsg(raw, &raw const message, 0, null_mut(), overlapped, None)
    });
    done.map(drop)
}

/// What became of an operation.
struct Done {
    bytes: u32,
    flags: u32,
    truncated: bool,
}

/// Starts an operation and waits until it is over, cancelling it after the timeout: whatever it was given
/// is its own no more when this returns.
fn finish(
    socket: SOCKET,
    event: &MutexGuard<'_, Event>,
    timeout: Option<Duration>,
    start: impl FnOnce(*mut OVERLAPPED) -> i32,
) -> io::Result<Done> {
    let mut overlapped = OVERLAPPED { hEvent: event.0, ..OVERLAPPED::default() };
    let mut done = Done { bytes: 0, flags: 0, truncated: false };
    if start(&raw mut overlapped) != 0 {
        // SAFETY: takes nothing.
        let error = unsafe { WSAGetLastError() };
        // A datagram that is there and too long is over at once, and cut.
        if error != WSA_IO_PENDING && error != WSAEMSGSIZE {
            return Err(io::Error::from_raw_os_error(error));
        }
        let wait = timeout.map_or(INFINITE, |t| u32::try_from(t.as_millis().max(1)).unwrap_or(INFINITE - 1));
        // SAFETY: the event is open as long as the guard lives.
        if unsafe { WaitForSingleObject(event.0, wait) } != WAIT_OBJECT_0 {
            // SAFETY: the operation was started on this socket with this structure, which is still here.
            unsafe { CancelIoEx(socket as HANDLE, &raw const overlapped) };
        }
    }
    // SAFETY: as above; it waits until the operation is over, also one that was cancelled, so that nothing of
    // it is in use afterwards.
    let good = unsafe {
        WSAGetOverlappedResult(socket, &raw const overlapped, &raw mut done.bytes, 1, &raw mut done.flags)
    } != 0;
    if good {
        return Ok(done);
    }
    // SAFETY: takes nothing.
    match unsafe { WSAGetLastError() } {
        WSAEMSGSIZE => Ok(Done { truncated: true, ..done }),
        WSA_OPERATION_ABORTED => Err(io::ErrorKind::TimedOut.into()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

fn receive_message(socket: &UdpSocket) -> Option<ReceiveMessage> {
    let (mut function, mut bytes): (LPFN_WSARECVMSG, u32) = (None, 0);
    let which = WSAID_WSARECVMSG;
    // SAFETY: the name and the place for the function are given with their lengths and outlive the call.
    let result = unsafe {
        WSAIoctl(
            handle(socket),
            SIO_GET_EXTENSION_FUNCTION_POINTER,
            (&raw const which).cast(),
            mem::size_of_val(&which) as u32,
            (&raw mut function).cast(),
            size_of::<LPFN_WSARECVMSG>() as u32,
            &raw mut bytes,
            null_mut(),
            None,
        )
    };
    (result == 0 && function.is_some()).then_some(ReceiveMessage(function))
}

fn control<T: Copy>(socket: &UdpSocket, code: u32, input: &T) -> io::Result<()> {
    let mut bytes = 0;
    // SAFETY: the input is a plain value given with its length; nothing is written but `bytes`.
    let result = unsafe {
        WSAIoctl(
            handle(socket),
            code,
            std::ptr::from_ref(input).cast(),
            size_of::<T>() as u32,
            null_mut(),
            0,
            &raw mut bytes,
            null_mut(),
            None,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn set(socket: &UdpSocket, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the handle is open as long as `socket` lives, and `value` is read within the call.
    let result = unsafe {
        setsockopt(handle(socket), level, name, (&raw const value).cast(), size_of::<i32>() as i32)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn handle(socket: &UdpSocket) -> SOCKET {
    socket.as_raw_socket() as SOCKET
}

fn length_of(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
