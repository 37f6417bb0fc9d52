mod account;
mod faults;
mod forms;
mod frame;
mod journey;
mod protocol;
