/** Of an artifact by name; the first rule that fits. `same` is a group of the artifact's own name. */
type Rule = readonly [artifact: RegExp, group: string | typeof same | Moved];

/** An artifact that was published in another group before a major version. */
interface Moved {
  before: number;
  was: string | typeof same;
  is: string;
}

const same = Symbol('the name of the artifact');

/**
 * Groups of well-known artifacts that do not say theirs: Gradle writes no `pom.properties`, and these write no
 * `Implementation-Vendor-Id` either. Without its group nothing that is known of Spring would be found.
 */
const rules: readonly Rule[] = [
  [
    /^spring-(?:aop|aspects|beans|context|context-support|context-indexer|core|core-test|expression|instrument|jcl|jdbc|jms|messaging|orm|oxm|r2dbc|test|tx|web|webflux|webmvc|websocket)$/,
    'org.springframework',
  ],
  [/^spring-boot(?:-|$)/, 'org.springframework.boot'],
  [/^spring-security-oauth2?$/, 'org.springframework.security.oauth'],
  [/^spring-security-/, 'org.springframework.security'],
  [/^spring-data-/, 'org.springframework.data'],
  [/^spring-cloud-gateway-|^spring-cloud-/, 'org.springframework.cloud'],
  [/^spring-batch-/, 'org.springframework.batch'],
  [/^spring-integration-/, 'org.springframework.integration'],
  [/^spring-session-/, 'org.springframework.session'],
  [/^spring-(?:amqp|rabbit)$/, 'org.springframework.amqp'],
  [/^spring-kafka$/, 'org.springframework.kafka'],
  [/^spring-hateoas$/, 'org.springframework.hateoas'],
  [/^spring-retry$/, 'org.springframework.retry'],
  [/^spring-ldap-/, 'org.springframework.ldap'],
  [/^spring-(?:ws-|xml$)/, 'org.springframework.ws'],
  [/^spring-graphql$/, 'org.springframework.graphql'],
  [/^spring-webflow$/, 'org.springframework.webflow'],
  [/^tomcat-embed-/, 'org.apache.tomcat.embed'],
  [/^tomcat-/, 'org.apache.tomcat'],
  [/^kotlinx-/, 'org.jetbrains.kotlinx'],
  [/^kotlin-/, 'org.jetbrains.kotlin'],
  [/^okhttp(?:-|$)/, { before: 3, was: 'com.squareup.okhttp', is: 'com.squareup.okhttp3' }],
  [/^retrofit$/, { before: 2, was: 'com.squareup.retrofit', is: 'com.squareup.retrofit2' }],
  [/^ktor-/, 'io.ktor'],
  [/^okio(?:-|$)/, 'com.squareup.okio'],
  [/^reactor-netty/, 'io.projectreactor.netty'],
  [/^reactor-/, 'io.projectreactor'],
  [/^micrometer-/, 'io.micrometer'],
  [/^grpc-/, 'io.grpc'],
  [/^opentelemetry-/, 'io.opentelemetry'],
  [/^resilience4j-/, 'io.github.resilience4j'],
  [/^lucene-/, 'org.apache.lucene'],
  [/^solr-/, 'org.apache.solr'],
  [/^elasticsearch-(?:java|rest5-client)$/, 'co.elastic.clients'],
  [/^elasticsearch-rest-/, 'org.elasticsearch.client'],
  [
    /^(?:aggs-matrix-stats|lang-mustache|mapper-extras|parent-join|percolator|rank-eval|reindex)-client$/,
    'org.elasticsearch.plugin',
  ],
  [/^elasticsearch(?:-|$)/, 'org.elasticsearch'],
  [/^opensearch-(?:java$|rest-)/, 'org.opensearch.client'],
  [/^opensearch(?:-|$)/, 'org.opensearch'],
  [/^kafka(?:-clients|-streams|_2\.\d+|-server-common|-raft|-metadata)$/, 'org.apache.kafka'],
  [/^bc(?:prov|pkix|util|mail|tls|pg|jmail)-/, 'org.bouncycastle'],
  [/^postgresql$/, 'org.postgresql'],
  [/^h2$/, 'com.h2database'],
  [/^hsqldb$/, 'org.hsqldb'],
  [/^ojdbc\d+$/, 'com.oracle.database.jdbc'],
  [/^mysql-connector-java$/, 'mysql'],
  [/^mysql-connector-j$/, 'com.mysql'],
  [/^flyway-/, 'org.flywaydb'],
  [/^liquibase-core$/, 'org.liquibase'],
  [/^quartz$/, 'org.quartz-scheduler'],
  [/^ehcache$/, 'org.ehcache'],
  [/^graphql-java$/, 'com.graphql-java'],
  [/^xercesImpl$/, 'xerces'],
  [/^xalan$/, 'xalan'],
  [/^ant(?:-|$)/, 'org.apache.ant'],
  [/^scala-(?:library|compiler|reflect)$/, 'org.scala-lang'],
  [/^akka-/, 'com.typesafe.akka'],
  [/^protobuf-(?:java|javalite|kotlin|lite)(?:-|$)/, 'com.google.protobuf'],
  [/^groovy(?:-|$)/, { before: 4, was: 'org.codehaus.groovy', is: 'org.apache.groovy' }],
  [
    /^hibernate-(?:agroal|ant|c3p0|community-dialects|core|envers|graalvm|hikaricp|jcache|jpamodelgen|micrometer|spatial|testing|vibur)$/,
    { before: 6, was: 'org.hibernate', is: 'org.hibernate.orm' },
  ],
  [/^hibernate-commons-annotations$/, 'org.hibernate.common'],
  [/^asm(?:-(?:analysis|commons|tree|util))?$/, { before: 4, was: 'asm', is: 'org.ow2.asm' }],
  [/^dom4j$/, { before: 2, was: same, is: 'org.dom4j' }],
  [/^jdom2?$/, 'org.jdom'],
  [/^jna(?:-platform)?$/, 'net.java.dev.jna'],
  [/^ecj$/, 'org.eclipse.jdt'],
  [/^poi(?:-|$)/, 'org.apache.poi'],
  [/^xmlbeans$/, 'org.apache.xmlbeans'],
  [/^(?:batik-.+|fop)$/, 'org.apache.xmlgraphics'],
  [/^derby(?:client|net|shared|tools|optionaltools)?$/, 'org.apache.derby'],
  [/^velocity$/, 'org.apache.velocity'],
  [/^xstream$/, 'com.thoughtworks.xstream'],
  [/^jackson-(?:core|mapper)-(?:asl|lgpl)$/, 'org.codehaus.jackson'],
  [/^json$/, 'org.json'],
  [/^jsch$/, 'com.jcraft'],
  [/^jsr305$/, 'com.google.code.findbugs'],
  [/^aspectj(?:matcher|rt|tools|weaver)$/, 'org.aspectj'],
  [/^checker-qual$/, 'org.checkerframework'],
  [/^reactive-streams$/, 'org.reactivestreams'],
  [/^perfmark-/, 'io.perfmark'],
  [/^lz4-java$/, 'org.lz4'],
  [/^(?:antlr4?-runtime|antlr4|ST4)$/, 'org.antlr'],
  [/^commons-logging-(?:adapters|api)$/, 'commons-logging'],
  // Before groups had the names of domains.
  [
    /^(?:antlr|cglib|classworlds|javax\.inject|junit|log4j|oro|xml-apis|commons-(?:beanutils|cli|codec|collections|configuration|dbcp|digester|discovery|fileupload|httpclient|io|jexl|jxpath|lang|logging|net|pool|validator))$/,
    same,
  ],
];

/** Files of Tomcat's own `lib` folder, which have neither version nor artifact in their names. */
const tomcatFiles: Readonly<Record<string, string>> = {
  catalina: 'tomcat-catalina',
  'catalina-ha': 'tomcat-catalina-ha',
  'catalina-tribes': 'tomcat-tribes',
  'catalina-storeconfig': 'tomcat-storeconfig',
  'catalina-ant': 'tomcat-catalina-ant',
  jasper: 'tomcat-jasper',
  'jasper-el': 'tomcat-jasper-el',
};

/** The artifact as it is known, of a file's name without version and ending. */
export function artifactOfFile(file: string): string {
  return Object.hasOwn(tomcatFiles, file) ? tomcatFiles[file]! : file;
}

/** Where it was published in that version. */
export function knownGroup(artifact: string, version: string | undefined): string | undefined {
  const group = rules.find(([pattern]) => pattern.test(artifact))?.[1];
  if (typeof group !== 'object') return named(group, artifact);
  const major = Number.parseInt(version ?? '', 10);
  return named(major < group.before ? group.was : group.is, artifact);
}

function named(group: string | typeof same | undefined, artifact: string): string | undefined {
  return group === same ? artifact : group;
}
