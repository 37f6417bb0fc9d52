//! The schemas of RFC 7643: [User] (section 4.1), [Group] (section 4.2) and the [enterprise extension] (section 4.3).
//!
//! [User]: https://www.rfc-editor.org/rfc/rfc7643#section-4.1
//! [Group]: https://www.rfc-editor.org/rfc/rfc7643#section-4.2
//! [enterprise extension]: https://www.rfc-editor.org/rfc/rfc7643#section-4.3

use super::attribute::{Attribute, AttributeType, Mutability, Returned, Schema};

/// The schema of users.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The schema of groups.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The extension for people who work somewhere.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The schema of users ([RFC 7643, section 4.1](https://www.rfc-editor.org/rfc/rfc7643#section-4.1)).
#[must_use]
pub(super) fn user() -> Schema {
    let mut attributes = singular();
    attributes.extend(plural());
    Schema::new(USER, "User", attributes).described("User account")
}

fn singular() -> Vec<Attribute> {
    vec![
        text("userName", "The name by which the directory knows the person; unique in the organization.")
            .required()
            .unique(),
        Attribute::complex(
            "name",
            vec![
                text("formatted", "The whole name, as it is shown."),
                text("familyName", "The family name."),
                text("givenName", "The given name."),
                text("middleName", "The middle names."),
                text("honorificPrefix", "What stands before the name, such as a title."),
                text("honorificSuffix", "What stands behind the name."),
            ],
        )
        .described("The parts of the person's name."),
        text("displayName", "The name that others are shown."),
        text("nickName", "The name that the person goes by."),
        reference("profileUrl", "A page about the person.").referring_to(["external"]),
        text("title", "The person's title, such as Vice President."),
        text("userType", "What the person is to the organization, such as Employee."),
        text("preferredLanguage", "The languages that the person prefers, as in Accept-Language."),
        text("locale", "Where the person is, for dates and numbers."),
        text("timezone", "The person's time zone, by its Olson name."),
        Attribute::new("active", AttributeType::Boolean)
            .described("Whether the person may act for the organization."),
        text("password", "A new password. It is never told.")
            .with_mutability(Mutability::WriteOnly)
            .with_returned(Returned::Never)
            .case_exact(),
    ]
}

fn plural() -> Vec<Attribute> {
    let photo = Attribute::new("value", AttributeType::Reference)
        .described("Where the picture is.")
        .referring_to(["external"])
        .case_exact();
    let certificate = Attribute::new("value", AttributeType::Binary)
        .described("A DER certificate, in base64.")
        .case_exact();
    vec![
        values("emails", "E-mail addresses.", text("value", "The address."), &["work", "home", "other"]),
        values(
            "phoneNumbers",
            "Phone numbers.",
            text("value", "The number."),
            &["work", "home", "mobile", "fax", "pager", "other"],
        ),
        values(
            "ims",
            "Instant messaging addresses.",
            text("value", "The address."),
            &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
        ),
        values("photos", "Pictures of the person.", photo, &["photo", "thumbnail"]),
        addresses(),
        groups(),
        values("entitlements", "What the person is entitled to.", text("value", "The entitlement."), &[]),
        values("roles", "What the person is, to the client.", text("value", "The role."), &[]),
        values("x509Certificates", "Certificates of the person.", certificate, &[]),
    ]
}

fn addresses() -> Attribute {
    Attribute::complex(
        "addresses",
        vec![
            text("formatted", "The whole address, as it is printed."),
            text("streetAddress", "Street and number."),
            text("locality", "The city."),
            text("region", "The state or region."),
            text("postalCode", "The postal code."),
            text("country", "The country, by its two letters."),
            text("type", "What it is, such as work.").with_canonical(["work", "home", "other"]),
            primary(),
        ],
    )
    .multi_valued()
    .described("Postal addresses.")
}

fn groups() -> Attribute {
    let kind = text("type", "Whether the person is a member itself.")
        .with_canonical(["direct", "indirect"])
        .with_mutability(Mutability::ReadOnly);
    let attribute = Attribute::complex(
        "groups",
        vec![
            text("value", "The group's id.").case_exact().with_mutability(Mutability::ReadOnly),
            reference("$ref", "Where the group is.")
                .referring_to(["Group"])
                .with_mutability(Mutability::ReadOnly),
            text("display", "The group's name.").with_mutability(Mutability::ReadOnly),
            kind,
        ],
    );
    attribute
        .multi_valued()
        .with_mutability(Mutability::ReadOnly)
        .described("The groups that the person belongs to; they change with the groups.")
}

/// The schema of groups ([RFC 7643, section 4.2](https://www.rfc-editor.org/rfc/rfc7643#section-4.2)).
#[must_use]
pub(super) fn group() -> Schema {
    let members = Attribute::complex(
        "members",
        vec![
            text("value", "The member's id.").case_exact().with_mutability(Mutability::Immutable),
            reference("$ref", "Where the member is.")
                .referring_to(["User", "Group"])
                .with_mutability(Mutability::Immutable),
            text("type", "What the member is.")
                .with_canonical(["User", "Group"])
                .with_mutability(Mutability::Immutable),
            text("display", "The member's name.").with_mutability(Mutability::ReadOnly),
        ],
    )
    .multi_valued()
    .described("The members of the group.");
    let name = text("displayName", "The group's name; unique in the organization.").required().unique();
    Schema::new(GROUP, "Group", vec![name, members]).described("Group")
}

/// The enterprise extension ([RFC 7643, section 4.3](https://www.rfc-editor.org/rfc/rfc7643#section-4.3)).
#[must_use]
pub(super) fn enterprise_user() -> Schema {
    let manager = Attribute::complex(
        "manager",
        vec![
            text("value", "The manager's id.").case_exact(),
            reference("$ref", "Where the manager is.").referring_to(["User"]),
            text("displayName", "The manager's name.").with_mutability(Mutability::ReadOnly),
        ],
    );
    let attributes = vec![
        text("employeeNumber", "The number that the organization gave the person."),
        text("costCenter", "The cost center."),
        text("organization", "The organization."),
        text("division", "The division."),
        text("department", "The department."),
        manager.described("The person's manager."),
    ];
    Schema::new(ENTERPRISE_USER, "EnterpriseUser", attributes).described("Enterprise User")
}

/// The attributes that every resource has ([RFC 7643, section 3.1](https://www.rfc-editor.org/rfc/rfc7643#section-3.1)).
pub(super) fn common() -> Vec<Attribute> {
    let read_only = Mutability::ReadOnly;
    let meta = Attribute::complex(
        "meta",
        vec![
            text("resourceType", "The type.").case_exact().with_mutability(read_only),
            moment("created", "When it was made."),
            moment("lastModified", "When it was last changed."),
            reference("location", "Where it is.").with_mutability(read_only),
            text("version", "The version, as in ETag.").case_exact().with_mutability(read_only),
        ],
    );
    vec![
        reference("schemas", "The schemas that the resource has attributes of.")
            .multi_valued()
            .with_returned(Returned::Always),
        text("id", "The server's id.")
            .case_exact()
            .with_mutability(read_only)
            .with_returned(Returned::Always)
            .unique(),
        text("externalId", "The client's id.").case_exact(),
        meta.with_mutability(read_only),
    ]
}

fn text(name: &str, description: &str) -> Attribute {
    Attribute::new(name, AttributeType::String).described(description)
}

fn moment(name: &str, description: &str) -> Attribute {
    Attribute::new(name, AttributeType::DateTime).described(description).with_mutability(Mutability::ReadOnly)
}

fn reference(name: &str, description: &str) -> Attribute {
    Attribute::new(name, AttributeType::Reference).described(description).case_exact()
}

fn primary() -> Attribute {
    Attribute::new("primary", AttributeType::Boolean).described("Whether it is the preferred one.")
}

fn values(name: &str, description: &str, value: Attribute, types: &[&str]) -> Attribute {
    let mut kind = text("type", "What it is, such as work.");
    kind.canonical_values = types.iter().map(|&it| it.to_owned()).collect();
    let sub_attributes = vec![value, text("display", "How it is shown."), kind, primary()];
    Attribute::complex(name, sub_attributes).multi_valued().described(description)
}
