//! What can go wrong with factors, and what is done about it.
//!
//! | hazard | what is done | tested as |
//! | --- | --- | --- |
//! | A one-time code is used twice in its step | the step is on the credential; a code counts only beyond it | `otp::an_older_code_is_refused_after_a_newer_one` |
//! | Twice at the same moment, on two nodes | the commit requires the credential's version and counter | `otp::a_code_is_accepted_once_also_when_another_node_sees_it_at_the_same_moment` |
//! | The code of the enrolment is used again | it is burnt with the enrolment | the same |
//! | A recovery code is used twice | the sheet is one credential; the commit requires its version | `recovery::of_a_hundred_who_use_a_code_at_once_one_succeeds` |
//! | A sheet is replaced while a code of it is used | the same: either the old or the new sheet is good | `recovery::a_code_that_is_used_while_the_sheet_is_replaced_leaves_one_sheet` |
//! | The database is copied | seeds are sealed under the account's key, recovery codes hashed under the tenant's | `manage::the_seed_is_sealed`, `recovery::codes_are_stored_as_hashes_under_a_key` |
//! | A factor is removed or changed while it is used | the commit requires its version | `meanwhile::what_is_used_takes_back_no_change_of_it_and_comes_back_from_no_removal` |
//! | An account is capable of more by the time that a change is committed | it is decided again, on what is there now | `meanwhile::a_change_is_decided_again_on_what_the_account_is_capable_of_now` |
//! | Codes are guessed | counted before they are looked at: five to a challenge, then per factor and account | `otp::who_guesses_codes_waits_and_does_not_lock_the_owner_out` |
//! | Codes are guessed all at once | a guess is counted in one step | `otp::of_five_hundred_guesses_at_once_five_are_looked_at` |
//! | The count is used to lock the owner out | a browser in which they have signed in is counted on its own | the same |
//! | Another factor is chosen to guess anew | the count of a challenge goes with it | `ciam-core`: `first_factor::a_person_may_choose_another_further_factor_and_gets_no_more_guesses_for_it` |
//! | A stolen session enrols or removes a factor | proofs of the last minutes, of as many kinds as the account has | `manage::a_stolen_session_changes_nothing` |
//! | A passkey is removed by who was phished | a proof of equal strength, or a recovery code | `passkeys::a_passkey_goes_only_where_one_was_just_used_or_a_recovery_code` |
//! | An enrolment is confirmed in another session, or twice | bound to the session, taken once | `manage::an_enrolment_belongs_to_its_session_has_five_tries_and_ends`, `manage::an_enrolment_that_is_confirmed_twice_at_once_is_one_factor` |
//! | Who has the password alone adds a factor where one is demanded | an account that has a factor proves it first; the owner gets a message | `enrolment::who_has_a_factor_is_asked_for_it_and_adds_none` |
//! | What is demanded is put off for ever | the grace period has an end, which a page that was left open does not move | `enrolment::it_is_put_off_within_the_grace_period_and_not_after_it` |
//! | An enrolment before the session is raced, or guessed at | one goes on; five answers | `enrolment::an_enrolment_race_adds_one_factor`, `enrolment::five_wrong_codes_end_it` |
//! | The seed of an enrolment is read where journeys are kept | under the account's key | `enrolment::what_is_shown_is_sealed_where_it_is_kept` |
//! | The last way in is removed, also by two removals at once | counted from what is left; every change writes the account | `passkeys::the_last_way_in_stays_also_when_two_remove_at_once` |
//! | Recovery goes around the factors | a mailbox replaces a password only with one factor more | `manage::a_recovered_password_is_not_enough_where_there_is_a_factor` |
//! | An administrator goes around them | an event says who and why, the owner gets a message, every session ends | `manage::an_administrators_reset_is_recorded_and_signs_everybody_out` |
//! | The challenge of another session is answered | it is in the journey of one browser | `passkeys::what_is_not_an_answer_to_this_question_proves_nobody` |
//! | Another origin, relying party, frame or ceremony | compared as a whole, against lists | the same |
//! | The handle or the credential of another account | held against the account that is to be proved | the same |
//! | User verification is downgraded | what was required is kept beside the challenge | the same |
//! | A device-bound passkey turns into a synchronised one | backup eligibility is for life | the same |
//! | An assertion is replayed | one journey, one session | `passkeys::an_assertion_is_one_session` |
//! | A signature counter goes back | an event, or a refusal | `passkeys::a_counter_that_does_not_go_up_is_reported_or_refused` |
//! | A credential id is registered for two accounts | a record holds it, unique in the tenant | `passkeys::a_credential_belongs_to_one_account` |
//! | We accept what others refuse, or the reverse | the same ceremonies before two other relying parties | `oracles` |
//! | Every other bit of an answer | signed | `webauthn_vectors::every_bit_of_an_authentication_counts` |
//! | Data that is cut short or goes on | refused | `webauthn_vectors::no_part_of_a_registration_can_be_cut_off_or_exchanged`, `ceremonies::authenticator_data_has_an_end` |
//! | Data that is larger than any authenticator makes | refused before it is read | `ceremonies::nothing_is_read_that_is_larger_than_an_authenticator_makes` |
//! | CBOR bombs, keys twice, indefinite lengths | refused before there is room for them | `webauthn::cbor` |
//! | A key of another type or algorithm than was offered | refused | `webauthn::cose` |
//! | An attestation that leads elsewhere | refused where attestation is required | `webauthn::certificate`, `webauthn::mds`, `attestation::only_authenticators_that_somebody_vouches_for_are_taken_where_the_policy_says_so` |
//! | A statement about another key, registration or model | refused, format by format | `attestation` |
//! | An unknown attestation format | refused | `passkeys::a_registration_is_bound_to_its_challenge_session_and_account` |
//! | A person is flooded with requests for approval until they give in | few in an hour, one at a time, nothing to tap: a number is typed; a report ends them for an hour | `push::a_flood_wakes_nobody_more_than_three_times`, `push::who_denies_is_left_alone_and_who_reports_for_an_hour` |
//! | An approval is answered or taken twice | compare-and-swap, and one who takes it | `push::of_many_answers_at_once_one_counts_and_an_approval_is_taken_once` |
//! | Another amount is signed for than was shown | the challenge is the digest of what is shown | `transaction::what_was_shown_is_what_was_signed_and_can_be_shown_for_ever` |
//! | A confirmation is used twice, elsewhere, or for a sign-in | one session takes it, once; another domain of challenges | `transaction::a_signature_is_for_its_transaction_its_session_and_its_time`, `transaction::a_signature_of_one_kind_is_none_of_the_other` |
//! | A phone number has gone to somebody else (SIM swap) | no code goes to it for three days, where the operator says so | `ciam-core`: `passwordless::a_number_whose_card_was_just_changed_gets_no_code` |
//! | A lost device keeps tokens | they go with the device | `ciam-oauth`: `tokens::refresh::a_forgotten_device_takes_its_tokens_along` |
//! | A risk engine or a fraud service hangs | deadlines; silence is a challenge, or what the host chose | `risk_services::an_engine_that_hangs_is_a_challenge_and_no_open_door`, `risk_services::a_fraud_service_that_hangs_or_fails_is_open_or_closed_as_was_chosen` |
//! | An attacker who got in once is at home | nothing is learned of what nobody confirmed | `risk::nothing_is_learned_of_what_nobody_confirmed` |
//! | Failed attempts of strangers raise the owner's score | they count on unknown devices alone | `risk::refusals_before_count_against_strangers_and_not_against_the_owner` |
//! | Every cookie is copied | a bound session ends with its bound cookie, and lifts nothing without its key; the bound cookie is of one session | `dbsc::the_bound_cookie_of_another_session_proves_nothing`, `dbsc::theft_of_every_cookie_lasts_as_long_as_the_bound_one`, `dbsc::a_bound_session_without_its_proof_lifts_nothing` |
//!
//! # What is left to the host
//!
//! - **Codes can be phished.** TOTP, HOTP and recovery codes do not know where they are typed. Ask for `phr` where it matters.
//! - **A phone number is not a person.** Codes by text message are `ciam-core`'s, off unless a tenant turns them on, and never a
//!   way to a new password. Whose card was changed is known to a host that asks its operator
//!   ([`SimSwaps`](ciam_core::abuse::SimSwaps)).
//! - **Who may reset.** [`Factors::reset`](crate::manage::Factors::reset) asks nobody;
//!   [`Factors::reset_while`](crate::manage::Factors::reset_while) makes sure that what was decided on still holds.
