-- The table as the shop has had it for years: not ours, and not made for us.
CREATE TABLE users (
    id                 bigserial   PRIMARY KEY,
    email              text        NOT NULL,
    email_confirmed_at timestamptz,
    phone              text,
    full_name          text,
    password_digest    text,
    newsletter         boolean     NOT NULL DEFAULT false,
    created_at         timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));
