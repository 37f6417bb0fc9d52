mod account;
mod faults;
mod forms;
mod frame;
mod journey;
mod outage;
mod owner;
mod protocol;
