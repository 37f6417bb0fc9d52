//! Known answers, in hexadecimal.

/// The public key and the signature over `sample` of RFC 6979, appendix A.2.5.
pub(super) const P256_X: &str = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
pub(super) const P256_Y: &str = "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
pub(super) const P256_SIGNATURE: &str = "\
    efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65\
    f3e900dbb9aff4064dc4ab2f843acda8";
/// Those of RFC 6979, appendix A.2.6.
pub(super) const P384_X: &str = "\
    ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13";
pub(super) const P384_Y: &str = "\
    8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720";
pub(super) const P384_SIGNATURE: &str = "\
    94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46\
    99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8";
/// The key and the signature over nothing of RFC 8032, section 7.1, test 1.
pub(super) const ED25519_PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
pub(super) const ED25519_SIGNATURE: &str = "\
    e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
    d25bf5f0595bbe24655141438e7a100b";
/// A key with the exponent 65537 and its signatures over `sample`, by OpenSSL.
pub(super) const RSA_MODULUS: &str = "\
    874ddbb3ad903ccb6bb15f5d607ce188b6d900d4603418022d004c9d1c126fcf83bef943ad184947b639f7144d2ed461\
    d05f688c66a9cb05f15f89d77fb3f812a8a4cc24610c81f2260677ddc8badf64f34a0f8c1a23c6bb33904bec7527ebe7\
    217a018c745e778c81f4987e70939b720567c9f6756945679c8bae54658ceab148928343fa72424ecbbe0e024f92748c\
    f98e0e5d42086f55134a54d59ad68830cd8186085faa724532b3d92c316abe1a98805555abcf3cd6eb41ff41552c7be5\
    cad6230d4aff5fb985d2f5871b420fbcd94c07a2d053979d6770e738b5c7f88f5a8d6d56106b5f8fb2728b9a2c92f78b\
    1b2f7f723ff0ef3d04e1332aa9f4f455";
pub(super) const RSA_PKCS1_SIGNATURE: &str = "\
    5ca860a024353973083e7e38a577b060dfc0e39fe166118e74ec8ac9d5ea77bf7c53354b9ef024b315ca631a87a6083a\
    cc08614f657e3a925a9cec7b86c565ee8f5e67be5f6dbfbef938c3f0066245e446e1895a13cfb613746dde5b09570010\
    8774d0fb6f94c49ce67caca33e54b31bd7df74b492d37871cffd8a224714c8a4a95fbb2b40dc30c46b4579af83233885\
    b831771fe1800badad1d1175fdb5f270be0062adb37c2e0ff6e3af4eb1ac3a26dfb98c87be89b538583cab2b6a6ed9a4\
    22738fa04491fc1cf5a25587d9b2e2ca2d0b0a3f34ad54366c88000f370a92d65e686b0026f313c8f95d75e2a19e9ece\
    f929c2be67cc5d09ffaceb8378e6029c";
pub(super) const RSA_PSS_SIGNATURE: &str = "\
    3e20696c018108182814a4d71ca2e7ca75fa9f063993581d326e3625488e4fd09260956e8f8d657067155d09a38914ba\
    dcb56e47d4635f6c40161dd16aaaf2e63dbf0ade9b80376c54a1492d2448c5dcfb37c4ce48f77fa526949c5631a50c8e\
    97ad212cfc4ccb04418036d2d105c4506cbbf1d3c688c9557d74cc2901d56cca5341a664eeb1df7330e2f962cdbe7aef\
    d3f535c0b6b04821d0892a80ab06effa94b130d32a162b8c6e4535b720003e27a54971527a1d6ff1559180f75d648025\
    0ef3d97fce714a677ff30ed44d2e2c61f15e5a60847fe6667cb0bf580b6e8e981d7501b562f7f46e964fc721bd9ea459\
    b7a43eb115dab80913967ffb59bd3569";
/// Another key with the exponent 65537 and its signatures over `sample` with longer hashes, by OpenSSL.
pub(super) const RSA_OTHER_MODULUS: &str = "\
    8dea6fd5299140db9472e184454e17261388d8ee4b2e17725220551ef9f31de62ca1ff6514b623a49536f6526efe0a35\
    cbae5a23b7cebf8e200dc360914bf944998f114839919fb8d1ab7dbeb96c0ac3813de72a787fc3fcb88bd2dcba1ab399\
    035c883f474748d6e356be2ad93780cd7701a6d90c470334a57430218edef6f46bc2de495dc68772f7d093bb3ba42745\
    fcfdf501dad0d24c37b87c7cbce4013748d6ec6bf7286f10a31cce147bd548c68fdf1b348ed4494d7e6cda8f67a773db\
    60eb8e2fab49796d1c656e38a7e6c051b74905434905d7d1fff0a406022a1deb3e0b102ca49995ff19744b365ac3f3f3\
    0af95dbbe6678b171ae4ef7460a109e7";
pub(super) const RSA_PKCS1_SHA384_SIGNATURE: &str = "\
    1d86150f52ccf43fd73bf395eeeba5471ed182d68be8e35f46319970cba36b755a641cecee16edadf8ef2f01b5aee07f\
    ee229bb7a3cceab37d5a191f36a6c19487d1f183a6b142fc42c02cbea947b79ab98e9703a31417b2212139d519b16d10\
    918126dd9f4c5e516774e137332dcb7ee4f54837eec9cb736d22e6b7a84367470c94f0e02ff1e24fa10bef6bf87eb297\
    a6e2fb52e3d42cec6c6c23fae0f889a189156121e35dc7f1be32b16b025c4944a906b8cff0a26620df5951d441749e9a\
    150a5ba4de7500434e6f6f68d1a70d8c1d235951d448b661c91c96a28f46f2edacdabdd0549527e0cdf577c9ea0a1c91\
    60c73db696ef6041406f039aac4dbd1a";
pub(super) const RSA_PKCS1_SHA512_SIGNATURE: &str = "\
    1eb839c1c8505b5ecdacdaa4e6512f8ef7c5c2eaf55a884863436cb3f7df1cd299ef623ea3c686a65e106fbc15cf01f6\
    cb2c344319cdc8031b22ad127784c5a4295dbc6bad8adf896d8cdf8a655ca7b90507777e0ff006b4f11e6c597f0b0661\
    58fa5c85e3610f63d11b9368f3037e6fb7da602bab6b52e7685f2a0332daf7ffff110d10872f9162d4bf7c8e2e8ad77e\
    bd5d541eea9caf9def9c7dee6f4fe342d1e2b49af39cbd50505985fb126a9b68558aa3f1aa8da3432d3a0dc562868075\
    83f85a258ffcac7547bac0c3fdb39482f593cfd9a8a89c7fb6705477046a7bed56b3b5c04733023579a51652093f4ef0\
    f22a33cab6d3c2a60a46c92d3e9c846f";
/// A private key of P-256 whose public point begins with two zero bytes.
pub(super) const SHORT_X_PKCS8: &str = "\
    308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420053342cf438b64befcdfc81e\
    1e82403233a23090abd51ebe70863f52c2f19cd8a1440342000400003a7d890f89f791da5b3fd82ca97cae3fc204e0f0\
    a30e5ab59524f06ce4232e022ce02df3c9f76dbef3d76a06515cac5a4888782d9bf345e28df6d11bf6ad";
pub(super) const SHORT_X: &str = "00003a7d890f89f791da5b3fd82ca97cae3fc204e0f0a30e5ab59524f06ce423";
pub(super) const SHORT_X_Y: &str = "2e022ce02df3c9f76dbef3d76a06515cac5a4888782d9bf345e28df6d11bf6ad";
/// Test case 16 of the specification of GCM.
pub(super) const AEAD_TEXT: &str = "\
    d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525\
    b16aedf5aa0de657ba637b39";
pub(super) const AEAD_ASSOCIATED: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
pub(super) const AEAD_SEALED: &str = "\
    522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838\
    c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b";
/// RFC 4231, test case 6.
pub(super) const MAC_LONG_KEY: &str = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
/// Of `message` under the bytes from 0 to 31.
pub(super) const MAC_SHORTEST_KEY: &str = "6297b77508a1a30ea4dfadd8f847c31b49aba45de10a79daf721d3f7ec112a24";
/// FIPS 180-4, of `abc` and of nothing.
pub(super) const SHA256_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
pub(super) const SHA256_EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
pub(super) const SHA384_ABC: &str = "\
    cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7";
pub(super) const SHA384_EMPTY: &str = "\
    38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b";
pub(super) const SHA512_ABC: &str = "\
    ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd\
    454d4423643ce80e2a9ac94fa54ca49f";
pub(super) const SHA512_EMPTY: &str = "\
    cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f\
    63b931bd47417a81a538327af927da3e";
/// RFC 5869, appendices A.1 to A.3.
pub(super) const DERIVED: &str = "\
    3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
pub(super) const DERIVED_LONG: &str = "\
    b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
    da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87";
pub(super) const DERIVED_WITHOUT_SALT: &str = "\
    8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";

/// Test cases 2 and 6 of RFC 2202 (SHA-1) and RFC 4231.
pub(super) const ONE_TIME_SHA1: &str = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
pub(super) const ONE_TIME_SHA256: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
pub(super) const ONE_TIME_SHA512: &str = "\
    164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd\
    caeab1a34d4a6b4b636e070a38bce737";
pub(super) const ONE_TIME_SHA1_LONG: &str = "aa4ae5e15272d00e95705637ce8a3b55ed402112";
pub(super) const ONE_TIME_SHA512_LONG: &str = "\
    80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e52\
    95e64f73f63f0aec8b915a985d786598";
