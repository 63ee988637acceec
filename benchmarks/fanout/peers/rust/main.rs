//! Rust's standard library: two threads and a bounded channel a client, of which all that waits
//! goes out in one write; a client that lets its channel fill is disconnected.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread::Builder;
use std::time::{SystemTime, UNIX_EPOCH};

const DEPTH: usize = 16_384;
const GATHERED: usize = 65_536;
const STACK: usize = 65_536;
const QUEUE: i32 = 4096;

extern "C" {
    fn listen(socket: i32, backlog: i32) -> i32;
}

struct Client {
    stream: TcpStream,
    pending: SyncSender<Arc<[u8]>>,
    number: u64,
}

type Room = Arc<Mutex<Vec<Client>>>;

/// The time as `YYYYMMDD HH:MM:SS`, by the civil calendar's usual arithmetic.
fn moment() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02} {hour:02}:{minute:02}:{second:02}")
}

fn broadcast(room: &Room, message: Arc<[u8]>) {
    room.lock().unwrap().retain(|client| {
        let taken = client.pending.try_send(message.clone()).is_ok();
        if !taken {
            let _ = client.stream.shutdown(Shutdown::Both);
        }
        taken
    });
}

fn send(mut stream: TcpStream, pending: Receiver<Arc<[u8]>>) {
    let mut gathered = Vec::with_capacity(GATHERED);
    while let Ok(first) = pending.recv() {
        gathered.clear();
        gathered.extend_from_slice(&first);
        while gathered.len() < GATHERED {
            let Ok(next) = pending.try_recv() else { break };
            gathered.extend_from_slice(&next);
        }
        if stream.write_all(&gathered).is_err() {
            return;
        }
    }
}

fn receive(stream: TcpStream, number: u64, room: Room) {
    let sender = stream.peer_addr().unwrap();
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { break };
        let text = line.trim();
        if text == "quit" {
            break;
        }
        broadcast(&room, format!("{} {sender}\n{text}\n", moment()).into_bytes().into());
    }
    room.lock().unwrap().retain(|client| client.number != number);
}

fn main() {
    let port = std::env::args().nth(1).unwrap();
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    // The library listens with a queue of 128; 2,000 clients come at once.
    assert_eq!(unsafe { listen(listener.as_raw_fd(), QUEUE) }, 0);
    let room = Room::default();
    for (stream, number) in listener.incoming().zip(0..) {
        let stream = stream.unwrap();
        stream.set_nodelay(true).unwrap();
        let (pending, receiver) = sync_channel(DEPTH);
        let (writing, reading) = (stream.try_clone().unwrap(), stream.try_clone().unwrap());
        let (own, thread) = (room.clone(), || Builder::new().stack_size(STACK));
        room.lock().unwrap().push(Client { stream, pending, number });
        thread().spawn(move || send(writing, receiver)).unwrap();
        thread().spawn(move || receive(reading, number, own)).unwrap();
    }
}
