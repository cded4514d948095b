use super::*;
use crate::probe::{BoxFuture, Occasion};
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
    mpsc,
};
use telemetry::{Hash, Load, Megabytes, Millis, Percent, PowerSource, Seconds, UnixMs, Value};

fn context() -> Context {
    Context {
        policy: Arc::new(readiness::Policy::builtin()),
        collector: None,
        occasion: Occasion::SelfCheck,
        clock: Arc::new(|| UnixMs::new(1_795_000_000_000)),
        hasher: Arc::new(|_| Hash::from_bytes([7; 16])),
        clock_offset: None,
        progress: Arc::new(|_| {}),
        data_dir: std::env::temp_dir(),
        extra_roots: Arc::new([]),
    }
}

fn measured() -> Outcome {
    Outcome::Measured(Value::Load(Load {
        cpu: Percent::new(1.0),
        cpu_window: Millis::new(100.0),
        memory: Percent::new(1.0),
        memory_total: Megabytes::new(1.0),
        disk_free: Megabytes::new(1.0),
        disk_total: Megabytes::new(1.0),
        power: PowerSource::Mains,
        battery: None,
        uptime: Seconds::new(1.0),
        clock_offset: None,
    }))
}

fn fine(id: ProbeId, context: &Context) -> Vec<Reading> {
    vec![context.begin(id, None).finish(measured())]
}

fn probe(id: ProbeId, medium: Medium, run: fn(Arc<Context>) -> BoxFuture<Vec<Reading>>) -> Probe {
    Probe { id, medium, timeout: |_| Duration::from_secs(20), run }
}

fn silent() -> Listener {
    Arc::new(|_| {})
}

fn only(probes: &[ProbeId]) -> Plan {
    Plan { run: probes.to_vec(), skip: Vec::new() }
}

fn outcomes(readings: &[Reading]) -> Vec<(ProbeId, &Outcome)> {
    readings.iter().map(|r| (r.probe, &r.outcome)).collect()
}

#[tokio::test]
async fn a_panic_is_that_probes_failure_and_the_others_go_on() {
    let probes = [
        probe(ProbeId::Link, Medium::Network, |_| panic!("before the future")),
        probe(ProbeId::Dns, Medium::Network, |_| Box::pin(async { panic!("inside the future") })),
        Probe {
            timeout: |_| panic!("in the timeout"),
            ..probe(ProbeId::Https, Medium::Network, |c| Box::pin(async move { fine(ProbeId::Https, &c) }))
        },
        probe(ProbeId::Load, Medium::Local, |c| Box::pin(async move { fine(ProbeId::Load, &c) })),
        probe(ProbeId::Noise, Medium::Microphone, |_| Box::pin(async { Vec::new() })),
    ];
    let supervisor = Supervisor::new(&probes, WireLock::new());
    let readings = supervisor.run(&Plan::all(), &context(), &silent()).await;
    assert_eq!(
        outcomes(&readings),
        [
            (ProbeId::Link, &Outcome::Failed(Failure::Panic)),
            (ProbeId::Dns, &Outcome::Failed(Failure::Panic)),
            (ProbeId::Https, &Outcome::Failed(Failure::Panic)),
            (ProbeId::Load, &measured()),
            (ProbeId::Noise, &Outcome::Failed(Failure::NoData)),
        ]
    );
}

#[tokio::test]
async fn a_hang_is_a_timeout_and_is_not_started_again_while_it_hangs() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static RELEASE: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);
    let (release, wait) = mpsc::channel();
    *RELEASE.lock().unwrap() = Some(wait);
    let hangs = Probe {
        timeout: |_| Duration::from_millis(30),
        ..probe(ProbeId::AudioDevices, Medium::Local, |c| {
            Box::pin(async move {
                RUNS.fetch_add(1, SeqCst);
                let work = tokio::task::spawn_blocking(move || {
                    let wait = RELEASE.lock().unwrap().take();
                    if let Some(wait) = wait {
                        let _ = wait.recv();
                    }
                    fine(ProbeId::AudioDevices, &c)
                });
                work.await.unwrap()
            })
        })
    };
    let supervisor = Supervisor::new(&[hangs], WireLock::new());
    for _ in 0..2 {
        let readings = supervisor.run(&Plan::all(), &context(), &silent()).await;
        assert_eq!(readings[0].outcome, Outcome::Failed(Failure::Timeout));
    }
    assert_eq!(RUNS.load(SeqCst), 1, "a probe that still hangs must not be started again");
    release.send(()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while supervisor.slots[0].still_hangs() {
        assert!(Instant::now() < deadline, "the thread was released");
        tokio::task::yield_now().await;
    }
    // It needs no more than its time now; a slow machine may still call it a timeout.
    supervisor.run(&Plan::all(), &context(), &silent()).await;
    assert_eq!(RUNS.load(SeqCst), 2, "it is started again once it ended");
}

#[tokio::test]
async fn a_stream_is_alone_on_the_wire_and_network_probes_are_together() {
    static ON_WIRE: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    async fn together() {
        MOST.fetch_max(ON_WIRE.fetch_add(1, SeqCst) + 1, SeqCst);
        // Until the other network probe is here too: they must run beside each other.
        while MOST.load(SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        ON_WIRE.fetch_sub(1, SeqCst);
    }
    async fn alone() {
        for _ in 0..50 {
            assert_eq!(ON_WIRE.load(SeqCst), 0, "somebody else is on the wire");
            tokio::task::yield_now().await;
        }
    }
    let probes = [
        probe(ProbeId::Media, Medium::Stream, |c| {
            Box::pin(async move {
                alone().await;
                fine(ProbeId::Media, &c)
            })
        }),
        probe(ProbeId::Link, Medium::Network, |c| {
            Box::pin(async move {
                together().await;
                fine(ProbeId::Link, &c)
            })
        }),
        probe(ProbeId::Dns, Medium::Network, |c| {
            Box::pin(async move {
                together().await;
                fine(ProbeId::Dns, &c)
            })
        }),
        probe(ProbeId::Noise, Medium::Microphone, |c| {
            Box::pin(async move {
                alone().await;
                fine(ProbeId::Noise, &c)
            })
        }),
    ];
    let wire = WireLock::new();
    let supervisor = Supervisor::new(&probes, wire.clone());
    let upload = async {
        for _ in 0..20 {
            let guard = wire.shared().await;
            ON_WIRE.fetch_add(1, SeqCst);
            tokio::task::yield_now().await;
            ON_WIRE.fetch_sub(1, SeqCst);
            drop(guard);
            tokio::task::yield_now().await;
        }
    };
    let (context, silent, plan) = (context(), silent(), Plan::all());
    let (readings, ()) = tokio::join!(supervisor.run(&plan, &context, &silent), upload);
    assert_eq!(readings.len(), 4);
    assert!(readings.iter().all(|r| r.measured().is_some()), "{readings:?}");
}

#[tokio::test]
async fn one_run_of_a_probe_is_in_flight_at_a_time() {
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    let probes = [probe(ProbeId::Load, Medium::Local, |c| {
        Box::pin(async move {
            assert_eq!(RUNNING.fetch_add(1, SeqCst), 0, "two at once");
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            RUNNING.fetch_sub(1, SeqCst);
            fine(ProbeId::Load, &c)
        })
    })];
    let supervisor = Supervisor::new(&probes, WireLock::new());
    let (context, silent, plan) = (context(), silent(), Plan::all());
    let (a, b) =
        tokio::join!(supervisor.run(&plan, &context, &silent), supervisor.run(&plan, &context, &silent));
    assert!(a[0].measured().is_some() && b[0].measured().is_some(), "{a:?} {b:?}");
}

#[tokio::test]
async fn skipped_probes_say_why_and_others_are_left_out() {
    let load = probe(ProbeId::Load, Medium::Local, |c| Box::pin(async move { fine(ProbeId::Load, &c) }));
    let noise = probe(ProbeId::Noise, Medium::Microphone, |_| unreachable!("it must not be run"));
    let dns = probe(ProbeId::Dns, Medium::Network, |_| unreachable!("it must not be run"));
    let supervisor = Supervisor::new(&[load, noise, dns], WireLock::new());
    let mut plan = only(&[ProbeId::Load, ProbeId::Noise]);
    plan.skip(ProbeId::Noise, NotChecked::NoConsent);
    let seen: Arc<Mutex<Vec<Happening>>> = Arc::default();
    let to = seen.clone();
    let listener: Listener = Arc::new(move |h| to.lock().unwrap().push(h));
    let readings = supervisor.run(&plan, &context(), &listener).await;
    assert_eq!(
        outcomes(&readings),
        [(ProbeId::Load, &measured()), (ProbeId::Noise, &Outcome::NotChecked(NotChecked::NoConsent))]
    );
    let names: Vec<String> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|h| match h {
            Happening::Waiting(p) => format!("waiting {p}"),
            Happening::Started(p) => format!("started {p}"),
            Happening::Progress(p) => format!("progress {}", p.probe),
            Happening::Finished(p, _) => format!("finished {p}"),
        })
        .collect();
    assert_eq!(names, ["waiting load", "finished noise", "started load", "finished load"]);
}

#[tokio::test]
async fn dropping_a_run_cancels_its_probes_and_frees_the_wire() {
    let stuck = probe(ProbeId::Media, Medium::Stream, |_| Box::pin(std::future::pending()));
    let wire = WireLock::new();
    let supervisor = Supervisor::new(&[stuck], wire.clone());
    let (started, mut has_started) = tokio::sync::mpsc::unbounded_channel();
    let listener: Listener = Arc::new(move |h| {
        if matches!(h, Happening::Started(_)) {
            let _ = started.send(());
        }
    });
    let (context, plan) = (context(), Plan::all());
    tokio::select! {
        _ = supervisor.run(&plan, &context, &listener) => panic!("it never ends"),
        _ = has_started.recv() => {}
    }
    tokio::time::timeout(Duration::from_secs(10), wire.alone()).await.expect("the wire is free");
}

#[tokio::test(start_paused = true)]
async fn a_slow_upload_gives_way_to_a_stream_and_a_quick_one_ends() {
    let wire = WireLock::new();
    assert_eq!(wire.exchange(async { 7 }).await, Some(7));
    let hangs = wire.exchange(std::future::pending::<()>());
    let (gave, _alone) = tokio::join!(hangs, wire.alone());
    assert_eq!(gave, None);
    let takes = |s| async move { tokio::time::sleep(Duration::from_secs(s)).await };
    drop(_alone);
    // Nobody waits: it may take long.
    assert_eq!(wire.exchange(takes(600)).await, Some(()));
    let (done, _alone) = tokio::join!(wire.exchange(takes(2)), wire.alone());
    assert_eq!(done, Some(()), "it ended soon enough");
}
