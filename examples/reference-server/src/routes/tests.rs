mod account;
mod forms;
mod frame;
mod journey;
mod protocol;
