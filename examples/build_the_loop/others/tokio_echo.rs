//! An echo on tokio, without a scheme: a task for each client, on a loop that somebody else wrote.
//!
//! ```text
//! cargo build --example build_other_tokio
//! sockmodes check --auth none --service echo -- target/debug/examples/build_other_tokio {port}
//! ```

use std::env;
use std::error::Error;

use tokio::io;
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).or(env::var("PORT").ok()).ok_or("no port is given")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
        loop {
            let (client, _) = listener.accept().await?;
            tokio::spawn(async move {
                let (mut reader, mut writer) = io::split(client);
                // To the end of its input; then the socket is dropped, and so closed.
                io::copy(&mut reader, &mut writer).await
            });
        }
    })
}
