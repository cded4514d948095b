//! The tools, each as its users run it: a packet each 20 ms, over IPv4, as many as are asked for.
//!
//! What a tool prints is taken as it is, rounded as it rounds. What it does not tell is left empty.

use crate::netlab::{Lab, Place};
use netshape::Kind;
use preshift::network::{statistics, stream};
use reflector::{Limits, Reflector};
use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use surge_ping::{Client, Config, PingIdentifier, PingSequence};
use telemetry::Millis;

/// The programs that must be there.
pub const NEEDED: [&str; 4] = ["irtt", "fping", "ping", "ip"];

const INTERVAL_MS: u32 = 20;
/// What is waited for at the end: far more than any path here takes.
const PATIENCE: Duration = Duration::from_secs(2);
const IRTT_PORT: u16 = 2112;

/// Whether a program can be started.
pub fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).exists())
}

/// One of the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// The media stream of this project.
    Preshift,
    /// irtt: UDP, both directions apart.
    Irtt,
    /// fping.
    Fping,
    /// iputils' ping.
    Ping,
    /// The crate surge-ping, each packet a task of tokio's.
    SurgePing,
}

/// In the order of the table's columns.
pub const ALL: [Tool; 5] = [Tool::Preshift, Tool::Irtt, Tool::Fping, Tool::Ping, Tool::SurgePing];

/// What a tool says: times in milliseconds, losses in percent. `None` is what it does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Said {
    /// Mean round trip.
    pub rtt_mean: Option<f64>,
    /// 95th percentile of it.
    pub rtt_p95: Option<f64>,
    /// Mean of |IPDV|.
    pub ipdv: Option<f64>,
    /// Loss on the way there.
    pub loss_up: Option<f64>,
    /// Loss on the way back.
    pub loss_down: Option<f64>,
    /// Loss, both ways together.
    pub loss: Option<f64>,
}

impl Said {
    /// Of round trips in sending order, `None` for what did not come.
    pub fn of(trips: &[Option<f64>]) -> Self {
        let came: Vec<f64> = trips.iter().flatten().copied().collect();
        let lost = trips.len() - came.len();
        Self {
            rtt_mean: statistics::mean(&came),
            rtt_p95: statistics::quantile(&came, 0.95),
            ipdv: statistics::ipdv_mean(trips),
            loss: (!trips.is_empty()).then(|| 100.0 * lost as f64 / trips.len() as f64),
            ..Self::default()
        }
    }
}

/// What answers at the far end. ICMP is answered by the kernel.
pub struct Servers {
    _reflector: Reflector,
    irtt: Child,
}

impl Servers {
    /// Starts them in the server's namespace.
    pub fn start(lab: &Lab) -> Self {
        let any: SocketAddr = "[::]:862".parse().expect("an address");
        let reflector = lab.inside(Place::Srv, || Reflector::bind(any, Limits::default()));
        let mut irtt = lab.command(Place::Srv, Path::new("irtt"));
        irtt.args(["server", "-b", &format!("{}:{IRTT_PORT}", Lab::SERVER_V4), "-i", "0"]);
        let irtt = irtt.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("irtt starts");
        Self { _reflector: reflector.expect("a namespace").expect("a reflector"), irtt }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.irtt.kill();
        let _ = self.irtt.wait();
    }
}

impl Tool {
    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preshift => "Preshift",
            Self::Irtt => "irtt",
            Self::Fping => "fping",
            Self::Ping => "ping",
            Self::SurgePing => "surge-ping",
        }
    }

    /// By what the lab knows its packets, there and back.
    pub fn kinds(self) -> (Kind, Kind) {
        match self {
            Self::Preshift => (Kind::Request, Kind::Reply),
            Self::Irtt => (Kind::IrttRequest, Kind::IrttReply),
            _ => (Kind::EchoRequest, Kind::EchoReply),
        }
    }

    /// Measures from the desk.
    pub fn measure(self, lab: &Lab, packets: u32) -> Result<Said, String> {
        match self {
            Self::Preshift => preshift(lab, packets),
            Self::Irtt => irtt(lab, packets),
            Self::Fping => fping(lab, packets),
            Self::Ping => ping(lab, packets),
            Self::SurgePing => surge(lab, packets),
        }
    }
}

fn preshift(lab: &Lab, packets: u32) -> Result<Said, String> {
    let length = stream::INTERVAL * packets;
    let target = SocketAddr::new(Lab::SERVER_V4.parse().expect("an address"), 862);
    let plan = stream::Plan {
        target,
        dscp: 46,
        ssid: 0x1ab5,
        length,
        longest: length,
        stamps: datagram::Stamps::Both,
        codec: telemetry::Codec::default(),
    };
    let cancel = AtomicBool::new(false);
    let control = || stream::Control { cancel: &cancel, needs_longer: &|_| false, progress: &|_| {} };
    let media = lab.inside(Place::Ws, || stream::run(&plan, &control())).map_err(|e| e.to_string())?;
    let media = media.map_err(|e| e.to_string())?;
    let ms = |t: Option<Millis>| t.map(Millis::get);
    let lost = f64::from(media.sent - media.received) / f64::from(media.sent.max(1));
    Ok(Said {
        rtt_mean: ms(media.rtt_mean),
        rtt_p95: ms(media.rtt_p95),
        ipdv: ms(media.ipdv_mean),
        loss_up: Some(media.loss_forward.get()),
        loss_down: Some(media.loss_reverse.get()),
        loss: Some(100.0 * lost),
    })
}

fn irtt(lab: &Lab, packets: u32) -> Result<Said, String> {
    let mut command = lab.command(Place::Ws, Path::new("irtt"));
    command.args([
        "client",
        "-i",
        &format!("{INTERVAL_MS}ms"),
        "-d",
        &format!("{}ms", packets * INTERVAL_MS),
    ]);
    command.args(["-l", "172", "-Q", "-o", "-"]).arg(format!("{}:{IRTT_PORT}", Lab::SERVER_V4));
    let said = output(command)?.0;
    let json: serde_json::Value = serde_json::from_str(&said).map_err(|e| format!("irtt's JSON: {e}"))?;
    let trips = json["round_trips"].as_array().ok_or("irtt tells no round trips")?;
    let trips: Vec<Option<f64>> =
        trips.iter().map(|t| t["delay"]["rtt"].as_f64().map(|nanos| nanos / 1e6)).collect();
    let stats = &json["stats"];
    Ok(Said {
        loss_up: stats["upstream_loss_percent"].as_f64(),
        loss_down: stats["downstream_loss_percent"].as_f64(),
        loss: stats["packet_loss_percent"].as_f64(),
        ..Said::of(&trips)
    })
}

fn fping(lab: &Lab, packets: u32) -> Result<Said, String> {
    let mut command = lab.command(Place::Ws, Path::new("fping"));
    // Without -t it calls everything lost that takes longer than the interval.
    let patience = PATIENCE.as_millis().to_string();
    command.args([
        "-q",
        "-C",
        &packets.to_string(),
        "-p",
        &INTERVAL_MS.to_string(),
        "-t",
        &patience,
        Lab::SERVER_V4,
    ]);
    let said = output(command)?.1;
    let line = said.lines().find(|l| l.starts_with(Lab::SERVER_V4)).ok_or("fping says nothing")?;
    let words = line.split_once(" : ").ok_or("fping says nothing of its packets")?.1;
    Ok(Said::of(&words.split_whitespace().map(|word| word.parse().ok()).collect::<Vec<_>>()))
}

fn ping(lab: &Lab, packets: u32) -> Result<Said, String> {
    let mut command = lab.command(Place::Ws, Path::new("ping"));
    let interval = f64::from(INTERVAL_MS) / 1e3;
    command.args(["-n", "-i", &interval.to_string(), "-c", &packets.to_string(), "-W", "2", Lab::SERVER_V4]);
    let said = output(command)?.0;
    let mut trips = vec![None; packets as usize];
    for line in said.lines() {
        let word = |name: &str| line.split_whitespace().find_map(|w| w.strip_prefix(name));
        let (Some(sequence), Some(time)) = (word("icmp_seq="), word("time=")) else { continue };
        let sequence: usize = sequence.parse().map_err(|_| format!("ping says '{line}'"))?;
        if let Some(trip) = trips.get_mut(sequence.wrapping_sub(1)) {
            *trip = time.parse().ok();
        }
    }
    Ok(Said::of(&trips))
}

fn surge(lab: &Lab, packets: u32) -> Result<Said, String> {
    let measure = || -> Result<Vec<Option<f64>>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|e| e.to_string())?.block_on(async {
            let client = Arc::new(Client::new(&Config::default()).map_err(|e| e.to_string())?);
            let server = Lab::SERVER_V4.parse().expect("an address");
            let mut interval = tokio::time::interval(Duration::from_millis(u64::from(INTERVAL_MS)));
            let mut tasks = Vec::new();
            for sequence in 0..packets as u16 {
                interval.tick().await;
                let client = client.clone();
                tasks.push(tokio::spawn(async move {
                    let mut pinger = client.pinger(server, PingIdentifier(7)).await;
                    pinger.timeout(PATIENCE);
                    pinger.ping(PingSequence(sequence), &[0; 56]).await
                }));
            }
            let mut trips = Vec::new();
            for task in tasks {
                let trip = task.await.map_err(|e| e.to_string())?;
                trips.push(trip.ok().map(|(_, time)| time.as_secs_f64() * 1e3));
            }
            Ok(trips)
        })
    };
    Ok(Said::of(&lab.inside(Place::Ws, measure).map_err(|e| e.to_string())??))
}

/// What a program printed, and what it complained of. A loss is no failure, though some end with 1 then.
fn output(mut command: Command) -> Result<(String, String), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{command:?}: {e}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((text(&output.stdout), text(&output.stderr)))
}
